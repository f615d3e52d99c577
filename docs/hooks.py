"""What MkDocs loads by its path: the hooks of the package beside it."""

from sitegen.hooks import on_config, on_files, on_page_markdown, on_post_build, on_post_page

__all__ = ["on_config", "on_files", "on_page_markdown", "on_post_build", "on_post_page"]

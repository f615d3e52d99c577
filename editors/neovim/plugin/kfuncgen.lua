-- SPDX-License-Identifier: BSD-2-Clause
-- kfuncgen in Neovim, 0.7 or newer: copy this file to ~/.config/nvim/plugin/.
--
-- Settings, in init.lua:
--   vim.g.kfuncgen_cmd = { "/path/to/kfuncgen", "lsp" }
--   vim.g.kfuncgen_settings = { lenses = false }
-- and from Neovim 0.11 on whatever vim.lsp.config() takes:
--   vim.lsp.config("kfuncgen", { cmd = { "/path/to/kfuncgen", "lsp" } })

if vim.g.loaded_kfuncgen then
  return
end
vim.g.loaded_kfuncgen = true

local MARKS = { "bpf_helpers.h", "vmlinux.h" }
local ROOTS = { "kfuncgen.toml", "compile_commands.json", "compile_flags.txt", ".clangd", ".git" }
local uv = vim.uv or vim.loop
local LINES = 200 -- in which a program includes what tells that it is one

local function command()
  return vim.g.kfuncgen_cmd or { "kfuncgen", "lsp" }
end

-- The nearest folder above `path` that has one of `names`.
local function above(path, names)
  local folder = vim.fn.fnamemodify(path, ":p:h")
  while true do
    for _, name in ipairs(names) do
      if uv.fs_stat(folder .. "/" .. name) then
        return folder
      end
    end
    local parent = vim.fn.fnamemodify(folder, ":h")
    if parent == folder then
      return nil
    end
    folder = parent
  end
end

-- Where the project of a buffer begins; nil when the buffer is no part of a BPF program. Headers count below a
-- kfuncgen.toml: findings may stand in them.
local function root_of(buffer)
  local path = vim.api.nvim_buf_get_name(buffer)
  local program = path:match("%.bpf%.c$") ~= nil
  if path == "" or path:match("^%a[%w+.-]+://") then
    return nil
  end
  if not program and path:match("%.c$") then
    for _, line in ipairs(vim.api.nvim_buf_get_lines(buffer, 0, LINES, false)) do
      for _, mark in ipairs(MARKS) do
        program = program or line:match("^%s*#%s*include") ~= nil and line:find(mark, 1, true) ~= nil
      end
    end
  end
  if program then
    return above(path, ROOTS) or vim.fn.fnamemodify(path, ":p:h")
  end
  return path:match("%.h$") and above(path, { "kfuncgen.toml" })
end

-- Neovim 0.11 and newer

if vim.lsp.config ~= nil and vim.lsp.enable ~= nil then
  local defaults = {
    cmd = command(),
    init_options = vim.g.kfuncgen_settings,
    filetypes = { "c", "cpp" }, -- headers are "cpp" unless c_syntax_for_h is set
    root_dir = function(buffer, start)
      local root = root_of(buffer)
      if root then
        start(root)
      end
    end,
  }
  -- What init.lua has said already counts.
  vim.lsp.config("kfuncgen", vim.tbl_deep_extend("keep", vim.lsp.config.kfuncgen or {}, defaults))
  vim.lsp.enable("kfuncgen")
  return
end

-- Neovim 0.7 to 0.10

local clients = {} -- by root

local function start(buffer)
  local root = root_of(buffer)
  if not root then
    return
  end
  local config = { name = "kfuncgen", cmd = command(), init_options = vim.g.kfuncgen_settings, root_dir = root }
  if vim.lsp.start then
    vim.lsp.start(config, { bufnr = buffer })
    return
  end
  if not clients[root] then
    config.on_exit = function()
      clients[root] = nil
    end
    clients[root] = vim.lsp.start_client(config)
  end
  if clients[root] then
    vim.lsp.buf_attach_client(buffer, clients[root])
  end
end

vim.api.nvim_create_autocmd("FileType", {
  group = vim.api.nvim_create_augroup("kfuncgen", {}),
  pattern = { "c", "cpp" },
  callback = function(event)
    start(event.buf)
  end,
})

;;; emacs.el --- What a person does in Emacs, without one -*- lexical-binding: t; -*-

;; A release is deleted, the diagnostic comes, its fix is applied (with the language server; with the linter alone
;; the line is put back), and the diagnostic goes.  $SETUP is the function of kfuncgen.el that is called first,
;; the file's name is the argument.  Answers with one JSON object in the file that $ANSWER names.

(require 'cl-lib)
(require 'eglot)
(require 'flymake)
(require 'kfuncgen)

(defconst seconds 30)
(defconst release "bpf_xdp_xfrm_state_release(state);")
(defvar answer nil)
(defvar line nil "What was deleted.")
(defvar place nil "From where.")

(defun tell (key value)
  (push (cons key value) answer))

(defun finish ()
  (with-temp-file (getenv "ANSWER") (insert (json-encode answer)))
  (set-buffer-modified-p nil)
  (kill-emacs 0))

(defun wait (what condition)
  "Let processes and timers run until CONDITION holds."
  (let ((end (+ (float-time) seconds)))
    (while (not (funcall condition))
      (when (> (float-time) end)
        (tell 'error (format "never: %s" what))
        (finish))
      (accept-process-output nil 0.02))))

(defun found ()
  "What kfuncgen found."
  (seq-filter (lambda (one) (string-match-p "unreleased-reference" (flymake-diagnostic-text one)))
              (flymake-diagnostics)))

(defun texts (diagnostics)
  (vconcat (mapcar #'flymake-diagnostic-text diagnostics)))

(defun check ()
  "What Emacs does when its user pauses."
  (when (eglot-current-server)
    (eglot--signal-textDocument/didChange))
  (flymake-start))

(condition-case problem
    (progn
      (funcall (intern (getenv "SETUP")))
      (add-hook 'c-mode-hook #'eglot-ensure)
      (find-file (car command-line-args-left))
      (setq command-line-args-left nil)
      (run-hooks 'post-command-hook)    ; eglot-ensure waits for it
      (wait "a server" #'eglot-current-server)
      (tell 'server (process-command (jsonrpc--process (eglot-current-server))))
      (tell 'language (plist-get (eglot--TextDocumentItem) :languageId))
      (tell 'mode (symbol-name major-mode))
      (tell 'backends (vconcat (mapcar #'symbol-name flymake-diagnostic-functions)))
      (goto-char (point-min))
      (search-forward release)
      (setq line (delete-and-extract-region (line-beginning-position) (1+ (line-end-position))))
      (setq place (point-marker))
      (check)
      (wait "the diagnostic" #'found)
      (tell 'found (texts (found)))
      (let* ((found (car (found)))
             (start (flymake-diagnostic-beg found))
             (end (flymake-diagnostic-end found)))
        (tell 'text (buffer-substring start end))
        (if (not (derived-mode-p 'kfuncgen-c-mode))
            (progn (goto-char place) (insert line))
          (cl-letf (((symbol-function 'completing-read)
                     (lambda (_ menu &rest _)
                       (tell 'titles (vconcat (mapcar #'car menu)))
                       (caar menu)))
                    (last-nonmenu-event ?\r)) ; no mouse, no menu
            (eglot-code-actions start end nil t))))
      (wait "the release in the text"
            (lambda () (save-excursion (goto-char (point-min)) (search-forward release nil t))))
      (check)
      (wait "no diagnostic" (lambda () (null (found))))
      (tell 'left (texts (flymake-diagnostics)))
      (save-buffer))
  (error (tell 'error (format "%S" problem))))
(finish)

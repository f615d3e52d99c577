;;; kfuncgen.el --- Check callers of BPF kernel functions -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: BSD-2-Clause
;; Package-Requires: ((emacs "26.3") (eglot "1.9"))
;; Keywords: c, tools

;;; Commentary:

;; Put this file where `load-path' finds it, and one of these into your init file:
;;
;;     (require 'kfuncgen)
;;     (kfuncgen-use-eglot)     ; kfuncgen's server in *.bpf.c, another one (clangd) in other C files
;;     (kfuncgen-use-flymake)   ; clangd everywhere, and kfuncgen's findings in *.bpf.c beside its own
;;
;; Eglot has one server for a buffer.  With the first you get findings, fixes, contracts and completion of kernel
;; functions, and no clangd in BPF programs; with the second the findings only.

;;; Code:

(require 'json)
(require 'let-alist)
(require 'subr-x)

(defvar eglot-server-programs)
(declare-function flymake-make-diagnostic "flymake")
(declare-function flymake-mode "flymake")

(defgroup kfuncgen nil
  "Check callers of BPF kernel functions."
  :group 'tools)

(defcustom kfuncgen-program "kfuncgen"
  "The program: its name, or where it is."
  :type 'string)

(defcustom kfuncgen-lsp-args '("lsp")
  "What the language server is started with."
  :type '(repeat string))

(defcustom kfuncgen-lint-args nil
  "What `kfuncgen-flymake' calls `kfuncgen lint' with.
For example: (\"--kernel\" \">=6.8\").  The nearest kfuncgen.toml counts, too."
  :type '(repeat string))


;;; The language server, in Eglot

;;;###autoload
(define-derived-mode kfuncgen-c-mode c-mode "BPF C"
  "C in BPF programs.
It is a mode of its own so that Eglot may start a server of its own."
  ;; Not in the list for all buffers, where an entry for `c-mode' may come first.
  (setq-local eglot-server-programs
              `(((kfuncgen-c-mode :language-id "c")
                 . ,(lambda (&rest _) (cons kfuncgen-program kfuncgen-lsp-args))))))

;;;###autoload
(defun kfuncgen-use-eglot ()
  "Have Eglot start kfuncgen in BPF programs.
Those are files called *.bpf.c, and other buffers in `kfuncgen-c-mode'."
  (add-to-list 'auto-mode-alist '("\\.bpf\\.c\\'" . kfuncgen-c-mode))
  (add-hook 'kfuncgen-c-mode-hook #'eglot-ensure))


;;; The linter, in Flymake

;;;###autoload
(defun kfuncgen-use-flymake ()
  "Show findings in files called *.bpf.c, beside what else checks them."
  (add-hook 'c-mode-common-hook #'kfuncgen--flymake-setup)
  ;; Eglot takes Flymake over when it starts.
  (add-hook 'eglot-managed-mode-hook #'kfuncgen--flymake-setup))

(defun kfuncgen--flymake-setup ()
  "Turn on `kfuncgen-flymake' in the buffer of a BPF program."
  (when (and buffer-file-name
             (string-suffix-p ".bpf.c" buffer-file-name)
             (not (derived-mode-p 'kfuncgen-c-mode)))
    (add-hook 'flymake-diagnostic-functions #'kfuncgen-flymake nil t)
    (flymake-mode 1)))

(defvar-local kfuncgen--process nil
  "The linter that works for this buffer.")

(defun kfuncgen-flymake (report &rest _)
  "Lint the buffer's text, saved or not, and REPORT what was found."
  (unless (executable-find kfuncgen-program)
    (error "There is no program %s: see `kfuncgen-program'" kfuncgen-program))
  (when (process-live-p kfuncgen--process)
    (kill-process kfuncgen--process))
  (let* ((source (current-buffer))
         (errors (generate-new-buffer " *kfuncgen errors*"))
         (process
          (make-process
           :name "kfuncgen" :buffer (generate-new-buffer " *kfuncgen*") :stderr errors
           :noquery t :connection-type 'pipe :coding 'utf-8-unix
           :command `(,kfuncgen-program "lint" "--output-format" "json" "--stdin-filename" ,buffer-file-name
                      ,@kfuncgen-lint-args "-")
           :sentinel (lambda (process _) (kfuncgen--ended process errors source report)))))
    (set-process-query-on-exit-flag (get-buffer-process errors) nil)
    (set-process-sentinel (get-buffer-process errors) #'ignore)
    (setq kfuncgen--process process)
    (process-send-region process (point-min) (point-max))
    (process-send-eof process)))

(defun kfuncgen--ended (process errors source report)
  "PROCESS may have linted SOURCE, and left its messages in ERRORS.
Tell REPORT what was found, unless a newer process is at it."
  (unless (process-live-p process)
    (unwind-protect
        (when (and (buffer-live-p source)
                   (eq process (buffer-local-value 'kfuncgen--process source)))
          (let ((document (with-current-buffer (process-buffer process)
                            (goto-char (point-min))
                            (let ((json-object-type 'alist) (json-array-type 'list) (json-null nil))
                              (ignore-errors (json-read))))))
            (unless document
              (message "%s" (with-current-buffer errors (string-trim (buffer-string)))))
            (funcall report
                     (delq nil (mapcar (lambda (finding) (kfuncgen--diagnostic finding source))
                                       (alist-get 'findings document))))))
      (kill-buffer (process-buffer process))
      (kill-buffer errors))))

(defun kfuncgen--diagnostic (finding source)
  "FINDING as a diagnostic of the buffer SOURCE; nil for other files."
  (let-alist finding
    (with-current-buffer source
      (when (equal (file-truename .file) (file-truename buffer-file-name))
        (let ((start (kfuncgen--position .line .column))
              (end (kfuncgen--position .end_line .end_column)))
          (flymake-make-diagnostic
           source start (max end (1+ start))
           (pcase .severity ("error" :error) ("warning" :warning) (_ :note))
           (format "%s [%s]" .message .rule)))))))

(defun kfuncgen--position (line column)
  "Where LINE and COLUMN are; both begin at 1, columns count UTF-8 bytes."
  (save-excursion
    (save-restriction
      (widen)
      (goto-char (point-min))
      (forward-line (1- line))
      (let ((bytes (1- column)))
        (while (and (> bytes 0) (not (eolp)))
          (setq bytes (- bytes (string-bytes (char-to-string (char-after)))))
          (forward-char))
        (point)))))

(provide 'kfuncgen)
;;; kfuncgen.el ends here

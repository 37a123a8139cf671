;;; Drives Emacs' language client in batch mode; run by test_eglot.py.  -*- lexical-binding: t -*-
;;; Prints one JSON object: what eglot was given for the buffer after an edit.
;;; Environment: EGLOT_SERVER is the server's command line, EGLOT_FILE the file, EGLOT_TYPED what is typed at its end.

(require 'package)
(package-initialize)
(require 'eglot)
(require 'json)

(setq eglot-sync-connect 60
      eglot-connect-timeout 60
      eglot-confirm-server-initiated-edits nil
      python-indent-guess-indent-offset nil
      make-backup-files nil)
(add-to-list 'eglot-server-programs
             `(python-mode . ,(append (split-string (getenv "EGLOT_SERVER") "\t")
                                      '(:initializationOptions (:completion t :budget (:automatic 2000) :confidence 0)))))

(defvar infill-patience (string-to-number (or (getenv "INFILL_E2E_PATIENCE") "60"))
  "Seconds until a state that does not come is taken as absent.")
(defvar infill-states nil "The states that the server has told, newest first.")
(cl-defmethod eglot-handle-notification (_server (_method (eql infill/status)) &key state &allow-other-keys)
  "Keep STATE."
  (push state infill-states))

(defun infill-wait (what)
  "Wait until WHAT returns something, which is returned; nil after a while."
  (let ((deadline (+ (float-time) infill-patience)) result)
    (while (and (not (setq result (funcall what))) (< (float-time) deadline))
      (accept-process-output nil 0.01))
    result))

(defun infill-completions ()
  "What the list of completions would show at point."
  (let ((found (eglot-completion-at-point)))
    (and found
         (mapcar #'substring-no-properties
                 (all-completions (buffer-substring (nth 0 found) (nth 1 found)) (nth 2 found))))))

(find-file (getenv "EGLOT_FILE"))
(python-mode)
(apply #'eglot--connect (eglot--guess-contact))
(let ((server (eglot-current-server)))
  (infill-wait (lambda () (member "ready" infill-states)))
  (goto-char (point-max))
  (insert (getenv "EGLOT_TYPED"))
  (eglot--signal-textDocument/didChange)
  (let ((completions (infill-wait #'infill-completions))
        (actions (mapcar (lambda (action) (plist-get action :title)) (ignore-errors (eglot-code-actions (point))))))
    (princ (json-encode `((states . ,(vconcat (reverse infill-states)))
                          (server . ,(plist-get (eglot--server-info server) :name))
                          (completions . ,(vconcat completions))
                          (actions . ,(vconcat actions))))))
  (set-buffer-modified-p nil)
  (eglot-shutdown server))

;;; Drives Emacs' language client in batch mode; run by test_eglot.py.  -*- lexical-binding: t -*-
;;; Prints one JSON object: what eglot was given for the buffer after an edit.
;;; Environment: EGLOT_SERVER is the server's command line, EGLOT_FILE the file. With EGLOT_TYPED, that is typed at its
;;; end and the first completion is accepted. With EGLOT_ACTION, the code action of that title is carried out where
;;; EGLOT_AT stands.

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
  "What the list of completions would show at point: its start, its proxies, and what is called with the chosen one."
  (let* ((found (eglot-completion-at-point))
         (proxies (and found (all-completions (buffer-substring (nth 0 found) (nth 1 found)) (nth 2 found)))))
    (and proxies (list (nth 0 found) proxies (plist-get (nthcdr 3 found) :exit-function)))))

(defun infill-accept (start proxy finish)
  "Put PROXY in the place of what stands from START to point, and FINISH, as `completion-in-region' does."
  (delete-region start (point))
  (insert proxy)
  (funcall finish proxy 'finished))

(defun infill-titles ()
  "What may be done at point."
  (mapcar (lambda (action) (plist-get action :title)) (eglot-code-actions (point))))

(defun infill-act (title)
  "Carry out the action named TITLE at point, as if it had been chosen from the menu, until the buffer has changed."
  (let ((tick (buffer-chars-modified-tick)) (last-nonmenu-event t))
    (cl-letf (((symbol-function 'completing-read) (lambda (&rest _) title)))
      (eglot--read-execute-code-action (eglot-code-actions (point)) (eglot-current-server)))
    (infill-wait (lambda () (/= tick (buffer-chars-modified-tick))))))

(find-file (getenv "EGLOT_FILE"))
(python-mode)
(apply #'eglot--connect (eglot--guess-contact))
(let ((server (eglot-current-server)) completions actions)
  (infill-wait (lambda () (member "ready" infill-states)))
  (when (getenv "EGLOT_TYPED")
    (goto-char (point-max))
    (insert (getenv "EGLOT_TYPED"))
    (eglot--signal-textDocument/didChange)
    (let ((found (infill-wait #'infill-completions)))
      (setq completions (mapcar #'substring-no-properties (nth 1 found))
            actions (infill-titles))
      (when found (infill-accept (nth 0 found) (car (nth 1 found)) (nth 2 found)))))
  (when (getenv "EGLOT_ACTION")
    (goto-char (point-min))
    (search-forward (getenv "EGLOT_AT"))
    (setq actions (infill-titles))
    (infill-act (getenv "EGLOT_ACTION")))
  (princ (json-encode `((states . ,(vconcat (reverse infill-states)))
                        (server . ,(plist-get (eglot--server-info server) :name))
                        (completions . ,(vconcat completions))
                        (actions . ,(vconcat actions))
                        (lines . ,(vconcat (split-string (buffer-string) "\n"))))))
  (set-buffer-modified-p nil)
  (eglot-shutdown server))

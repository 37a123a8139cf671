#!/usr/bin/env bash
# Installs what `make e2e` drives: two Neovims, VS Code's server and llama.cpp's into FOLDER, the extension's packages
# into editors/vscode, and from apt what the distribution has. What is there already is left as it is; no compiler is
# needed and no package's own script is run. What cannot be had is named at the end, and the exit code is 1.
# Usage: install.sh [FOLDER]
set -uo pipefail
here=$(realpath "$(dirname "$0")")
folder=$(realpath -m "${1:-${INFILL_E2E_TOOLS:-$here/../../.venv/e2e}}")
logs=$folder/logs
mkdir -p "$logs"
failed=()

missing_packages() {
  local program
  for program in chromium patchelf tmux npm; do
    command -v "$program" > /dev/null || echo "$program"
  done
  command -v emacs > /dev/null || echo emacs-nox
  # Emacs has eglot since 29; before, it is a package of its own.
  emacs --batch -q --eval "(progn (require 'package) (package-initialize) (require 'eglot))" &> /dev/null || echo elpa-eglot
}

packages() {
  local missing
  mapfile -t missing < <(missing_packages)
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ]; then
    echo "not root: apt-get install --no-install-recommends ${missing[*]}"
    return 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq update || return 1
  apt-cache show elpa-eglot &> /dev/null || missing=("${missing[@]/elpa-eglot/}")
  # shellcheck disable=SC2068 # A name that was emptied is not to be passed on.
  apt-get -qq -y --no-install-recommends install ${missing[@]}
}

extension() {
  cd "$here/../../editors/vscode" || return 1
  # npm writes this file last; it is older than the lock file where that has changed since.
  [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
}

# Starts a step, whose output goes to a file of its own.
begin() {
  local name=$1
  shift
  ("$@" &> "$logs/$name.log") &
  pids[$name]=$!
}

# Waits for a step, and says how it ended.
finish() {
  if wait "${pids[$1]}"; then
    echo "installed: $1"
  else
    failed+=("$1")
    echo "cannot be had: $1 ($(tail -n 1 "$logs/$1.log")); see $logs/$1.log"
  fi
}

declare -A pids
begin packages packages
# npm and patchelf may be among the packages; the steps that need them wait for those.
command -v npm > /dev/null || wait "${pids[packages]}"
begin code-server "$here/vscode/install.sh" "$folder"
begin extension extension
command -v patchelf > /dev/null || wait "${pids[packages]}"
begin nvim-testing "$here/install_nvim.sh" testing "$folder"
begin nvim-trixie "$here/install_nvim.sh" trixie "$folder"
begin llama.cpp "$here/install_llama.sh" "$folder"
for step in packages code-server extension nvim-testing nvim-trixie llama.cpp; do finish "$step"; done
[ ${#failed[@]} -eq 0 ] || echo "python -m pytest tests/e2e tests what is there and skips the rest"
exit $((${#failed[@]} > 0))

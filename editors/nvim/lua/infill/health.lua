--- `:checkhealth infill`: what is there, what is missing, and what to do about it.
local client = require('infill.client')
local config = require('infill.config')
local health = vim.health
local M = {}

local function check_neovim()
  health.start('infill: Neovim')
  local version = tostring(vim.version())
  if vim.fn.has('nvim-0.10') == 0 then
    return health.error(version .. ' is too old', 'Install Neovim 0.10 or newer.')
  end
  health.ok(('%s; suggestions are shown by %s'):format(
    version, config.backend() == 'builtin' and "Neovim's own inline completion" or "this plugin's ghost text"
  ))
end

local function check_next_edits()
  if config.current.next_edit then
    health.ok('next edits are shown where the server offers them')
  else
    health.info('next edits are off: next_edit = false in setup')
  end
end

local function check_builtin()
  local builtin = require('infill.builtin')
  for _, one in ipairs(client.all()) do
    for bufnr in pairs(one.attached_buffers) do
      if not builtin.completor(bufnr) then
        health.warn('this Neovim cannot ask by hand', 'Set backend = "extmarks" in setup.')
      end
    end
  end
end

local function check_program()
  health.start('infill: server')
  local cmd = config.current.cmd
  if not client.found() then
    health.error(('"%s" was not found'):format(cmd[1]), {
      'Install it: pip install infill-lsp',
      'Or name it: require("infill").setup({ cmd = { "/path/to/infill-lsp", "--stdio" } })',
    })
    return
  end
  health.ok(vim.fn.exepath(cmd[1]))
end

local function check_clients()
  if #client.all() == 0 then
    health.info('not running: it starts with the first file of ' .. table.concat(config.current.filetypes, ', '))
  end
  for _, one in ipairs(client.all()) do
    local status = client.status(next(one.attached_buffers) or 0) or { state = 'starting' }
    local words = ('%s: %s%s'):format(
      one.config.root_dir or 'no project',
      status.state,
      (status.reason or '') ~= '' and ' (' .. status.reason .. ')' or ''
    )
    local report = status.state == 'degraded' and health.warn or health.ok
    report(words .. (status.model and ', model ' .. status.model or ''))
    if not one.server_capabilities.inlineCompletionProvider then
      health.error('the server offers no inline completion', 'Install a newer infill-lsp.')
    end
  end
end

local function check_keys()
  health.start('infill: keys')
  for name, key in pairs(config.current.keys or {}) do
    local mapped = key and vim.fn.maparg(key, 'i', false, true) or {}
    if key and not vim.startswith(mapped.desc or '', 'infill: ') then
      local advice = 'Give it another key: setup({ keys = { ' .. name .. ' = "<C-...>" } })'
      health.warn(('%s does not %s: something else has it, or setup was not called'):format(key, name), advice)
    elseif key then
      health.ok(('%s: %s'):format(key, mapped.desc:sub(#'infill: ' + 1)))
    end
  end
end

function M.check()
  check_neovim()
  check_next_edits()
  if config.backend() == 'builtin' then
    check_builtin()
  end
  check_program()
  check_clients()
  check_keys()
end

return M

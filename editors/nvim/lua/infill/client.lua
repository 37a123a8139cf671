--- The language server as a client of Neovim: started, told, asked, restarted. Knows nothing of ghost text and keys.
local config = require('infill.config')
local M = {}

M.NAME = 'infill'
local PATIENCE = 3 -- unexpected ends of the server that are followed by a restart, until it was ready once more

---@class infill.Status
---@field state string  starting, ready, busy, degraded or stopped
---@field reason? string
---@field model? string
---@field inactive? infill.Notice  why nothing is suggested in one document
---@field limited? infill.Notice  why only little is

---@class infill.Notice
---@field uri string
---@field reason string

--- Handlers of further notifications of the server; who shows what they bring puts them here before the start.
M.handlers = {} ---@type table<string, lsp.Handler>

local ids = {} ---@type table<integer, integer>  the client of each buffer, from its start on
local statuses = {} ---@type table<integer, infill.Status>
local wanted_stops = {} ---@type table<integer, boolean>
local ends, leaving, warned = 0, false, false

-- Until 0.11 a client's functions are called without the client.
local function call(client, name, ...)
  if vim.fn.has('nvim-0.11') == 1 then
    return client[name](client, ...)
  end
  return client[name](...)
end

local function tell_change()
  vim.api.nvim_exec_autocmds('User', { pattern = 'InfillStatus', modeline = false })
  vim.cmd.redrawstatus()
end

local function on_status(_, status, context)
  statuses[context.client_id] = status
  if status.state == 'ready' then
    ends = 0
  end
  tell_change()
end

--- Shows a sentence as this plugin's.
---@param sentence string
---@param level? integer
function M.say(sentence, level)
  vim.notify('infill: ' .. sentence, level or vim.log.levels.INFO)
end

--- Attaches to every buffer that is loaded.
function M.attach_all()
  for _, bufnr in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(bufnr) then
      M.attach(bufnr)
    end
  end
end

local function on_exit(code, signal, client_id)
  local wanted = wanted_stops[client_id]
  statuses[client_id], wanted_stops[client_id] = nil, nil
  if leaving then
    return
  end
  tell_change()
  ends = wanted and 0 or ends + 1
  if ends > PATIENCE then
    M.say(('the server ended again (exit code %d, signal %d); see :checkhealth infill'):format(code, signal), 4)
    return
  end
  vim.defer_fn(M.attach_all, 200 * 2 ^ ends)
end

local function capabilities()
  return vim.tbl_deep_extend('force', vim.lsp.protocol.make_client_capabilities(), {
    textDocument = { inlineCompletion = { dynamicRegistration = false } },
    experimental = { infill = { nextEdit = config.current.next_edit, refresh = true } },
  })
end

--- Whether the server's program can be found.
---@return boolean
function M.found()
  return vim.fn.executable(config.current.cmd[1]) == 1
end

-- Neovim 0.10 would start another server, with a model of its own, for each file outside of a project.
local function same_project(client, wanted)
  return client.name == wanted.name and client.config.root_dir == wanted.root_dir
end

--- Starts the server for a buffer, or joins the one that runs for its project; nothing where none is wanted.
---@param bufnr integer
function M.attach(bufnr)
  if not config.wants(bufnr) then
    return
  end
  if not M.found() then
    if not warned then
      warned = true
      M.say(('"%s" was not found; see :checkhealth infill'):format(config.current.cmd[1]), vim.log.levels.WARN)
    end
    return
  end
  local settings = next(config.current.settings) and config.current.settings or vim.empty_dict()
  local id = vim.lsp.start({
    name = M.NAME,
    cmd = config.current.cmd,
    root_dir = vim.fs.root(bufnr, config.current.root_markers),
    capabilities = capabilities(),
    init_options = settings,
    settings = { infill = settings },
    handlers = vim.tbl_extend('error', { ['infill/status'] = on_status }, M.handlers),
    on_exit = vim.schedule_wrap(on_exit),
  }, { bufnr = bufnr, reuse_client = same_project })
  if id then
    ids[bufnr], statuses[id] = id, statuses[id] or { state = 'starting' }
  end
end

---@return vim.lsp.Client[]
function M.all()
  return vim.lsp.get_clients({ name = M.NAME })
end

--- The client of a buffer, once it can be asked for inline completions.
---@param bufnr integer
---@return vim.lsp.Client?
function M.of(bufnr)
  local client = vim.lsp.get_clients({ name = M.NAME, bufnr = bufnr })[1]
  return client and client.server_capabilities.inlineCompletionProvider and client or nil
end

--- What the server said last about itself.
---@param bufnr integer
---@return infill.Status?  nil where the buffer has no server
function M.status(bufnr)
  local id = ids[bufnr == 0 and vim.api.nvim_get_current_buf() or bufnr]
  return id and (statuses[id] or { state = 'stopped' })
end

--- Ends all servers; they come back by themselves.
function M.restart()
  for _, client in ipairs(M.all()) do
    wanted_stops[client.id] = true
    call(client, 'stop')
  end
  if #M.all() == 0 then
    ends = 0
    M.attach_all()
  end
end

---@return integer? id  of the request
function M.request(client, method, params, bufnr, handler)
  local _, id = call(client, 'request', method, params, handler, bufnr)
  return id
end

function M.cancel(client, id)
  if not call(client, 'is_stopped') then
    call(client, 'cancel_request', id)
  end
end

--- Sends a notification to a server that still runs.
---@param id integer  of the client
---@param method string
---@param params table
function M.tell(id, method, params)
  local client = vim.lsp.get_client_by_id(id)
  if client then
    call(client, 'notify', method, params)
  end
end

--- Runs a command of the server; its edits come as the server's own request.
---@param bufnr integer
---@param command? { command: string, arguments?: any[] }
function M.run(bufnr, command)
  local client = command and M.of(bufnr)
  if not client then
    return
  end
  local params = { command = command.command, arguments = command.arguments }
  M.request(client, 'workspace/executeCommand', params, bufnr, function(err)
    if err then
      M.say(err.message, vim.log.levels.WARN)
    end
  end)
end

--- The byte that a position of the protocol stands for in its line, from 0.
---@return integer
function M.column(bufnr, position, encoding)
  local line = vim.api.nvim_buf_get_lines(bufnr, position.line, position.line + 1, false)[1] or ''
  if encoding == 'utf-8' then
    return math.min(position.character, #line)
  end
  if vim.fn.has('nvim-0.11') == 1 then
    return vim.str_byteindex(line, encoding, position.character, false)
  end
  local utf16 = encoding == 'utf-16'
  local count, count16 = vim.str_utfindex(line)
  return vim.str_byteindex(line, math.min(position.character, utf16 and count16 or count), utf16)
end

vim.api.nvim_create_autocmd('VimLeavePre', { callback = function() leaving = true end })

return M

--- Everything that people call. The server decides what is suggested; a backend shows it.
local client = require('infill.client')
local config = require('infill.config')
local next_edit = require('infill.next_edit')
local M = {}

local on = true

local function backend()
  return require(config.backend() == 'builtin' and 'infill.builtin' or 'infill.ghost')
end

--- Takes what is shown. Returns whether there was something; so do the ones below.
---@return boolean
function M.accept()
  return backend().accept()
end

---@return boolean
function M.accept_word()
  return backend().accept(require('infill.insertion').word)
end

---@return boolean
function M.accept_line()
  return backend().accept(require('infill.insertion').line)
end

---@return boolean
function M.next()
  return backend().cycle(1)
end

---@return boolean
function M.prev()
  return backend().cycle(-1)
end

---@return boolean
function M.dismiss()
  return backend().dismiss()
end

--- Asks for suggestions here and now.
function M.trigger()
  backend().trigger()
end

--- Goes to the edit that the last one calls for; applies it if the cursor is there. It may be used in a mapping with
--- <expr>: what it does, it does right after.
---@return boolean
function M.next_edit()
  return next_edit.next()
end

---@return boolean
function M.dismiss_next_edit()
  return next_edit.dismiss()
end

--- How many suggestions there are to choose from.
---@return integer
function M.count()
  return backend().count()
end

--- Turns suggestions and next edits off, or on again, in all buffers.
function M.toggle()
  on = not on
  next_edit.enable(on)
  for _, one in ipairs(client.all()) do
    for bufnr in pairs(one.attached_buffers) do
      backend()[on and 'enable' or 'disable'](bufnr)
    end
  end
  client.say(on and 'on' or 'off')
end

--- Asks again for the buffer that is typed in, unless it was changed since the server was asked.
local function refresh(_, told)
  local bufnr = vim.api.nvim_get_current_buf()
  local unchanged = vim.lsp.util.buf_versions[bufnr] == told.version
  if on and unchanged and vim.uri_from_bufnr(bufnr) == told.uri and vim.startswith(vim.fn.mode(), 'i') then
    backend().refresh(bufnr)
  end
end

-- What the server says about suggestions in one document only, in words that a status line has room for.
local HERE = { { 'inactive', 'silent here' }, { 'limited', 'limited here' } }

local function here(status)
  local uri = vim.uri_from_bufnr(0)
  for _, one in ipairs(HERE) do
    local notice = status[one[1]]
    if type(notice) == 'table' and notice.uri == uri then -- none is vim.NIL
      return one[2], notice.reason
    end
  end
end

--- What a status line shows: empty where the buffer has no server.
---@return string
function M.statusline()
  local status = client.status(0)
  if not status then
    return ''
  end
  if not on then
    return 'infill: off'
  end
  local words = { status.state .. ((status.reason or '') ~= '' and ' (' .. status.reason .. ')' or '') }
  words[#words + 1] = here(status)
  return 'infill: ' .. table.concat(words, ', ')
end

--- The same with the reason why there is nothing, or less, in this buffer.
---@return string
function M.status()
  local _, reason = here(client.status(0) or {})
  local line = M.statusline()
  return line == '' and 'infill: no server runs for this buffer' or line .. (reason and '. ' .. reason or '')
end

local DESCRIPTIONS = {
  accept = 'accept the suggestion',
  accept_word = "accept the suggestion's next word",
  accept_line = "accept the suggestion's next line",
  next = 'next suggestion',
  prev = 'previous suggestion',
  dismiss = 'dismiss the suggestion',
  trigger = 'ask for suggestions',
  next_edit = 'go to the next edit, or apply it',
  dismiss_next_edit = 'dismiss the next edit',
}
local NORMAL_TOO = { next_edit = true, dismiss_next_edit = true }

local function map_keys()
  for name, key in pairs(config.current.keys or {}) do
    require('infill.keys').map(key, M[name], DESCRIPTIONS[name])
    if NORMAL_TOO[name] then
      require('infill.keys').map(key, M[name], DESCRIPTIONS[name], 'n')
    end
  end
end

local function highlights()
  require('infill.draw').highlights()
  require('infill.draw_next_edit').highlights()
end

local function autocommands()
  local group = vim.api.nvim_create_augroup('infill', {})
  local function each(event, callback)
    vim.api.nvim_create_autocmd(event, { group = group, callback = callback })
  end
  each('FileType', function(event) client.attach(event.buf) end)
  each('ColorScheme', highlights)
  each('LspDetach', function(event) next_edit.left(event.buf, event.data.client_id) end)
  each('LspAttach', function(event)
    local attached = vim.lsp.get_client_by_id(event.data.client_id)
    if on and attached and attached.name == client.NAME and client.of(event.buf) then
      backend().enable(event.buf)
    end
  end)
end

--- Starts everything.
---@param options? table  see |infill-setup|
function M.setup(options)
  if vim.fn.has('nvim-0.10') == 0 then
    return client.say('this needs Neovim 0.10 or newer', vim.log.levels.ERROR)
  end
  config.set(options)
  highlights()
  client.handlers['infill/nextEdit'] = next_edit.offered
  client.handlers['infill/refresh'] = refresh
  map_keys()
  autocommands()
  client.attach_all()
end

return M

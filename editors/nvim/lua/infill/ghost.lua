--- Suggestions with ghost text of our own: asks while people type, keeps what is shown while they type it, drops what
--- comes too late. Where nothing fits any more nothing is shown; what to show is the server's choice alone.
local client = require('infill.client')
local config = require('infill.config')
local draw = require('infill.draw')
local edit = require('infill.edit')
local api = vim.api
local M = {}

---@class infill.Suggestion
---@field mark integer  an extmark over the range that it replaces; it moves with the text
---@field text string
---@field lead string  the line before the range
---@field before string  the range up to the cursor, when it came
---@field after string  the range behind the cursor
---@field command? table  run by the server after an accept

---@class infill.State
---@field suggestions infill.Suggestion[]
---@field index integer
---@field timer uv.uv_timer_t
---@field seen string  the text and the cursor that were looked at last
---@field pending? { client: vim.lsp.Client, id: integer }
---@field cycled boolean

local ranges = api.nvim_create_namespace('infill.range')
local states = {} ---@type table<integer, infill.State>
local INVOKED, AUTOMATIC = 1, 2

local function text_between(bufnr, row, col, end_row, end_col)
  return table.concat(api.nvim_buf_get_text(bufnr, row, col, end_row, end_col, {}), '\n')
end

local function cursor()
  local row, col = unpack(api.nvim_win_get_cursor(0))
  return row - 1, col
end

local function is_before(row, col, other_row, other_col)
  return row < other_row or (row == other_row and col < other_col)
end

--- Where a suggestion stands now; nil where the cursor is outside of it.
---@return infill.Place?
local function place_of(bufnr, suggestion)
  local row, col, mark = unpack(api.nvim_buf_get_extmark_by_id(bufnr, ranges, suggestion.mark, { details = true }))
  local at_row, at_col = cursor()
  if not row or is_before(at_row, at_col, row, col) or is_before(mark.end_row, mark.end_col, at_row, at_col) then
    return nil
  end
  return {
    row = row,
    col = col,
    end_row = mark.end_row,
    end_col = mark.end_col,
    before = text_between(bufnr, row, col, at_row, at_col),
    after = text_between(bufnr, at_row, at_col, mark.end_row, mark.end_col),
  }
end

--- The place of a suggestion that still fits: nothing was typed since, or just what it says.
---@return infill.Place?
local function fitting(bufnr, suggestion)
  local place = place_of(bufnr, suggestion)
  if not place or place.after ~= suggestion.after or place.before .. place.after == suggestion.text then
    return nil
  end
  local typed = place.before == suggestion.before or vim.startswith(suggestion.text, place.before)
  local lead = api.nvim_buf_get_text(bufnr, place.row, 0, place.row, place.col, {})[1]
  return typed and lead == suggestion.lead and place or nil
end

local function current(bufnr)
  local state = states[bufnr]
  local suggestion = state and state.suggestions[state.index]
  return suggestion, suggestion and fitting(bufnr, suggestion)
end

local function forget(bufnr)
  local state = states[bufnr]
  state.suggestions, state.index, state.cycled = {}, 1, false
  api.nvim_buf_clear_namespace(bufnr, ranges, 0, -1)
  draw.hide(bufnr)
end

local function show(bufnr)
  local suggestion, place = current(bufnr)
  if not place then
    return draw.hide(bufnr)
  end
  local state = states[bufnr]
  local hint = state.cycled and (' (%d/%d)'):format(state.index, #state.suggestions) or ''
  draw.show(bufnr, place, suggestion.text, hint)
end

local function cancel(bufnr)
  local state = states[bufnr]
  state.timer:stop()
  if state.pending then
    client.cancel(state.pending.client, state.pending.id)
    state.pending = nil
  end
end

local function fingerprint(bufnr)
  return ('%d %d %d'):format(api.nvim_buf_get_changedtick(bufnr), cursor())
end

--- An item of the protocol as a suggestion, or nil where it is no plain text on this line.
local function suggestion_of(bufnr, item, encoding)
  local row, col = cursor()
  local range = item.range
  if type(item.insertText) ~= 'string' or (range and range.start.line ~= row) then
    return nil
  end
  local first = range and client.column(bufnr, range.start, encoding) or col
  local last = range and client.column(bufnr, range['end'], encoding) or col
  local line = api.nvim_get_current_line()
  return {
    text = item.insertText:gsub('\r\n?', '\n'),
    lead = line:sub(1, first),
    before = line:sub(first + 1, col),
    after = line:sub(col + 1, last),
    command = item.command,
    -- The range grows by what is typed at either end of it.
    mark = api.nvim_buf_set_extmark(bufnr, ranges, row, first, {
      end_row = row, end_col = last, right_gravity = false, end_right_gravity = true,
    }),
  }
end

local function arrived(bufnr, items, encoding)
  forget(bufnr)
  local state = states[bufnr]
  for _, item in ipairs(items) do
    table.insert(state.suggestions, suggestion_of(bufnr, item, encoding))
  end
  show(bufnr)
end

--- Asks the server about the cursor; an answer that comes after another key is dropped.
local function ask(bufnr, kind, after)
  cancel(bufnr)
  local asked = client.of(bufnr)
  if not asked or not vim.startswith(api.nvim_get_mode().mode, 'i') or api.nvim_get_current_buf() ~= bufnr then
    return
  end
  local params = vim.lsp.util.make_position_params(0, asked.offset_encoding)
  params.context = { triggerKind = kind }
  local state, before = states[bufnr], fingerprint(bufnr)
  local id
  id = client.request(asked, 'textDocument/inlineCompletion', params, bufnr, function(err, result)
    if state.pending and state.pending.id == id then
      state.pending = nil
    end
    local late = api.nvim_get_current_buf() ~= bufnr or fingerprint(bufnr) ~= before
    if err or late or states[bufnr] ~= state or not vim.startswith(api.nvim_get_mode().mode, 'i') then
      return
    end
    arrived(bufnr, result and (result.items or result) or {}, asked.offset_encoding)
    if after then
      after()
    end
  end)
  state.pending = id and { client = asked, id = id }
end

--- After each key: what is shown shrinks while it is typed; otherwise it goes, and another is asked for.
local function moved(bufnr)
  local state = states[bufnr]
  if not state or state.seen == fingerprint(bufnr) then
    return
  end
  state.seen = fingerprint(bufnr)
  local _, place = current(bufnr)
  if place then
    return show(bufnr)
  end
  forget(bufnr)
  cancel(bufnr)
  if config.current.auto then
    state.timer:start(config.current.debounce, 0, vim.schedule_wrap(function()
      if states[bufnr] == state then
        ask(bufnr, AUTOMATIC)
      end
    end))
  end
end

local function left(bufnr)
  if states[bufnr] then
    cancel(bufnr)
    forget(bufnr)
    states[bufnr].seen = ''
  end
end

---@param bufnr integer
function M.enable(bufnr)
  if states[bufnr] then
    return
  end
  local timer = assert(vim.uv.new_timer())
  states[bufnr] = { suggestions = {}, index = 1, timer = timer, seen = '', cycled = false }
  local group = api.nvim_create_augroup('infill.ghost.' .. bufnr, {})
  local function on(events, callback)
    api.nvim_create_autocmd(events, { group = group, buffer = bufnr, callback = function() callback(bufnr) end })
  end
  on({ 'InsertEnter', 'TextChangedI', 'TextChangedP', 'CursorMovedI' }, moved)
  on({ 'InsertLeave', 'BufLeave' }, left)
  on({ 'BufUnload' }, M.disable)
  -- The server may have come up while someone types.
  if api.nvim_get_current_buf() == bufnr and vim.startswith(api.nvim_get_mode().mode, 'i') then
    moved(bufnr)
  end
end

--- The model's word for a copy has come: asks again while the copy is still shown.
---@param bufnr integer
function M.refresh(bufnr)
  local _, place = current(bufnr)
  if place then
    ask(bufnr, AUTOMATIC)
  end
end

---@param bufnr integer
function M.disable(bufnr)
  local state = states[bufnr]
  if not state then
    return
  end
  left(bufnr)
  state.timer:close()
  states[bufnr] = nil
  api.nvim_del_augroup_by_name('infill.ghost.' .. bufnr)
end

--- Takes what is shown, or the part of it that `take` takes.
---@param take? fun(text: string): string
---@return boolean  whether there was something to take
function M.accept(take)
  local bufnr = api.nvim_get_current_buf()
  local suggestion, place = current(bufnr)
  if not place then
    return false
  end
  cancel(bufnr)
  if take and edit.part(place, suggestion.text, take) then
    suggestion.after = (place_of(bufnr, suggestion) or { after = '' }).after
    show(bufnr)
    return true
  end
  if not take then
    edit.whole(place, suggestion.text)
  end
  forget(bufnr)
  client.run(bufnr, suggestion.command)
  return true
end

--- Shows another candidate; where there is only the one that came by itself, asks for more.
---@param step 1|-1
---@return boolean
function M.cycle(step)
  local bufnr = api.nvim_get_current_buf()
  local _, place = current(bufnr)
  if not place then
    return false
  end
  local state = states[bufnr]
  if #state.suggestions == 1 and not state.cycled then
    ask(bufnr, INVOKED, function() states[bufnr].cycled = true end)
    return true
  end
  state.cycled = true
  state.index = (state.index - 1 + step) % #state.suggestions + 1
  show(bufnr)
  return true
end

---@return integer
function M.count()
  local state = states[api.nvim_get_current_buf()]
  return state and #state.suggestions or 0
end

---@return boolean
function M.dismiss()
  local bufnr = api.nvim_get_current_buf()
  local _, place = current(bufnr)
  if states[bufnr] then
    cancel(bufnr)
    forget(bufnr)
  end
  return place ~= nil
end

function M.trigger()
  local bufnr = api.nvim_get_current_buf()
  if states[bufnr] then
    ask(bufnr, INVOKED)
  end
end

return M

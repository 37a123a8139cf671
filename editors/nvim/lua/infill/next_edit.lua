--- The edits that someone's last one calls for elsewhere: shown until the buffer changes, reached, applied, dismissed.
--- Which they are is the server's choice.
local client = require('infill.client')
local config = require('infill.config')
local draw = require('infill.draw_next_edit')
local edit = require('infill.edit')
local api = vim.api
local M = {}

---@class infill.NextEdit
---@field id string
---@field text string
---@field label string
---@field mark integer  an extmark over what is replaced; it moves when another edit is applied

---@class infill.Refused
---@field place infill.Stretch
---@field text string

---@class infill.Offer
---@field client integer
---@field uri string
---@field edits infill.NextEdit[]  the nearest first

local places = api.nvim_create_namespace('infill.next_edit.place')
local offers = {} ---@type table<integer, infill.Offer>
local enabled = true
local refused = {} ---@type table<integer, { version: integer, edits: infill.Refused[] }>  what was dismissed last
local applying = false

local function place_of(bufnr, one)
  local row, col, mark = unpack(api.nvim_buf_get_extmark_by_id(bufnr, places, one.mark, { details = true }))
  return { row = row, col = col, end_row = mark.end_row, end_col = mark.end_col }
end

--- Whether an edit changes the row of the cursor.
local function is_here(bufnr, one)
  local place, row = place_of(bufnr, one), api.nvim_win_get_cursor(0)[1] - 1
  local last = place.end_col == 0 and place.end_row > place.row and place.end_row - 1 or place.end_row
  return place.row <= row and row <= last
end

---@return infill.NextEdit?
local function here(bufnr)
  for _, one in ipairs(offers[bufnr].edits) do
    if is_here(bufnr, one) then
      return one
    end
  end
end

local function hint(bufnr, one)
  local key = (config.current.keys or {}).next_edit or ':InfillNextEdit'
  local label = one.label:gsub('^%u%l', string.lower)
  return ('%s → line %d: %s'):format(key, place_of(bufnr, one).row + 1, label)
end

--- Says where the next edit is, unless the cursor is there.
local function point(bufnr)
  if api.nvim_get_current_buf() ~= bufnr or here(bufnr) then
    return draw.point(bufnr)
  end
  draw.point(bufnr, api.nvim_win_get_cursor(0)[1] - 1, hint(bufnr, offers[bufnr].edits[1]))
end

local function group_name(bufnr)
  return 'infill.next_edit.' .. bufnr
end

--- Forgets what is shown in a buffer.
local function drop(bufnr)
  if not offers[bufnr] then
    return
  end
  offers[bufnr] = nil
  pcall(api.nvim_del_augroup_by_name, group_name(bufnr))
  if api.nvim_buf_is_valid(bufnr) then
    api.nvim_buf_clear_namespace(bufnr, places, 0, -1)
    draw.hide(bufnr)
  end
end

local function redraw(bufnr)
  if #offers[bufnr].edits == 0 then
    return drop(bufnr)
  end
  draw.hide(bufnr)
  for _, one in ipairs(offers[bufnr].edits) do
    draw.show(bufnr, place_of(bufnr, one), one.text)
  end
  point(bufnr)
end

--- Any change ends an offer, except for the edit that is being applied.
local function watch(bufnr)
  local offer = offers[bufnr]
  local function changed()
    if offers[bufnr] == offer and not applying then
      drop(bufnr)
    end
    return offers[bufnr] ~= offer -- true: hear no more
  end
  api.nvim_buf_attach(bufnr, false, { on_lines = changed, on_reload = changed, on_detach = changed })
  api.nvim_create_autocmd({ 'CursorMoved', 'CursorMovedI', 'WinEnter', 'BufEnter', 'BufLeave' }, {
    group = api.nvim_create_augroup(group_name(bufnr), {}),
    buffer = bufnr,
    callback = vim.schedule_wrap(function()
      if offers[bufnr] then
        point(bufnr)
      end
    end),
  })
end

--- The stretch that a range of the protocol stands for, and what comes there. A document may end with a line end, behind
--- which there is no line of the buffer.
---@return infill.Stretch, string
local function located(bufnr, range, text, encoding)
  local from, to = range.start, range['end']
  local row, col = from.line, client.column(bufnr, from, encoding)
  local end_row, end_col = to.line, client.column(bufnr, to, encoding)
  local last = api.nvim_buf_line_count(bufnr) - 1
  if end_row > last then
    end_row, end_col = last, #api.nvim_buf_get_lines(bufnr, last, last + 1, false)[1]
    if row > last then
      row, col, text = end_row, end_col, '\n' .. text
    elseif text == '' and col == 0 and row > 0 then
      row, col = row - 1, #api.nvim_buf_get_lines(bufnr, row - 1, row, false)[1]
    end
    text = text:gsub('\n$', '')
  end
  return { row = row, col = col, end_row = end_row, end_col = end_col }, text
end

--- An edit of the protocol as it is kept.
---@return infill.NextEdit
local function kept(bufnr, one, encoding)
  local place, text = located(bufnr, one.range, (one.newText:gsub('\r\n?', '\n')), encoding)
  local mark = api.nvim_buf_set_extmark(bufnr, places, place.row, place.col, {
    end_row = place.end_row, end_col = place.end_col,
  })
  return { id = one.id, text = text, label = one.label, mark = mark }
end

local function version_of(bufnr)
  return vim.lsp.util.buf_versions[bufnr]
end

--- What was dismissed since the last change: an offer may be on its way while the server is told.
---@return infill.Refused[]
local function refused_now(bufnr)
  local last = refused[bufnr]
  return last and last.version == version_of(bufnr) and last.edits or {}
end

local function is_refused(bufnr, one)
  local place = place_of(bufnr, one)
  return vim.iter(refused_now(bufnr)):any(function(it) return it.text == one.text and vim.deep_equal(it.place, place) end)
end

local function refuse(bufnr, edits)
  local all = refused_now(bufnr)
  for _, one in ipairs(edits) do
    all[#all + 1] = { place = place_of(bufnr, one), text = one.text }
  end
  refused[bufnr] = { version = version_of(bufnr), edits = all }
end

local function buffer_of(asked, uri)
  for bufnr in pairs(asked and asked.attached_buffers or {}) do
    if api.nvim_buf_is_loaded(bufnr) and vim.uri_from_bufnr(bufnr) == uri then
      return bufnr
    end
  end
end

--- Shows what the server offers instead of what it offered before; what is for another version is ignored.
---@param offer { uri: string, version: integer, edits: table[] }
---@param context { client_id: integer }
function M.offered(_, offer, context)
  local asked = vim.lsp.get_client_by_id(context.client_id)
  local bufnr = buffer_of(asked, offer.uri)
  if not bufnr or not enabled or not config.current.next_edit or not vim.bo[bufnr].modifiable then
    return
  end
  if version_of(bufnr) ~= offer.version then
    return
  end
  drop(bufnr)
  local edits = vim.tbl_map(function(one) return kept(bufnr, one, asked.offset_encoding) end, offer.edits)
  edits = vim.tbl_filter(function(one) return not is_refused(bufnr, one) end, edits)
  offers[bufnr] = { client = context.client_id, uri = offer.uri, edits = edits }
  watch(bufnr)
  redraw(bufnr)
end

local function jump(bufnr, one)
  local place = place_of(bufnr, one)
  local first = draw.pieces(bufnr, place, one.text)[1] or place
  local normal = api.nvim_get_mode().mode == 'n'
  if normal then
    vim.cmd("normal! m'")
  end
  api.nvim_win_set_cursor(0, { first.row + 1, first.col })
  if normal then
    vim.cmd('normal! zv')
  end
end

--- Edits that overlap the one that is applied make no sense after it.
local function without(bufnr, edits, applied)
  local place = place_of(bufnr, applied)
  local function is_before(a, b)
    return a.end_row < b.row or (a.end_row == b.row and a.end_col <= b.col)
  end
  return vim.tbl_filter(function(one)
    local other = place_of(bufnr, one)
    return one ~= applied and (is_before(other, place) or is_before(place, other))
  end, edits)
end

--- Applies an edit. The others are shown where they are now until the server offers anew.
local function apply(bufnr, one)
  local offer, place = offers[bufnr], place_of(bufnr, one)
  offer.edits = without(bufnr, offer.edits, one)
  applying = true
  local ok, err = pcall(edit.stretch, place, one.text)
  applying = false
  if not ok then
    drop(bufnr)
    error(err, 0)
  end
  redraw(bufnr)
end

--- Goes to the next edit; applies it if the cursor is there. This happens a moment later, so that a mapping with <expr>,
--- which may change nothing, can ask for it.
---@return boolean  whether one waits
function M.next()
  local bufnr = api.nvim_get_current_buf()
  if not offers[bufnr] then
    return false
  end
  vim.schedule(function()
    if api.nvim_get_current_buf() ~= bufnr or not offers[bufnr] then
      return
    end
    local one = here(bufnr)
    if one then
      apply(bufnr, one)
    else
      jump(bufnr, offers[bufnr].edits[1])
    end
  end)
  return true
end

--- Dismisses the edit on the cursor's line; if there is none, all of the buffer.
---@return boolean  whether there was one
function M.dismiss()
  local bufnr = api.nvim_get_current_buf()
  local offer = offers[bufnr]
  if not offer then
    return false
  end
  local one = here(bufnr)
  local unwanted = one and { one } or offer.edits
  refuse(bufnr, unwanted)
  offer.edits = vim.tbl_filter(function(it) return not vim.tbl_contains(unwanted, it) end, offer.edits)
  for _, it in ipairs(unwanted) do
    client.tell(offer.client, 'infill/nextEdit/dismiss', { uri = offer.uri, id = it.id })
  end
  redraw(bufnr)
  return true
end

--- Does what a command asks for, and says so if there is nothing to do it with.
---@param action 'next'|'dismiss'
function M.run(action)
  if not M[action]() then
    client.say('no edit waits in this buffer')
  end
end

--- Turns them off, or on again, in all buffers.
---@param on boolean
function M.enable(on)
  enabled = on
  if not on then
    vim.tbl_map(drop, vim.tbl_keys(offers))
  end
end

--- Forgets what a server has offered for a buffer that it has left.
---@param bufnr integer
---@param client_id integer
function M.left(bufnr, client_id)
  if offers[bufnr] and offers[bufnr].client == client_id then
    drop(bufnr)
  end
end

return M

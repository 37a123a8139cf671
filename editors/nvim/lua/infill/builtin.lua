--- Suggestions with Neovim's own inline completion (0.12). It asks and draws; what it lacks is added here: accepting a
--- word or a line, asking by hand, and an accept that knows what was typed since the answer came.
---
--- Asking by hand, showing on what is left after a word, and drawing a line that moves to the left need the completion's
--- own object, which is not documented; `:checkhealth infill` says if a newer Neovim has moved it. The rest works without.
local client = require('infill.client')
local draw = require('infill.draw')
local edit = require('infill.edit')
local api = vim.api
local M = {}

---@class infill.Asked  The line as the server was asked about it.
---@field row integer
---@field length integer
---@field tick integer

local asked = {} ---@type table<integer, infill.Asked>
local answered = {} ---@type table<integer, infill.Asked>

--- Neovim's object for a buffer, which is not documented.
---@return table?
function M.completor(bufnr)
  local ok, capability = pcall(require, 'vim.lsp._capability')
  local own = ok and type(capability.all) == 'table' and capability.all.inline_completion
  return own and own.active and own.active[bufnr] or nil
end

local function remember(event)
  local request = event.data.request
  if request.method ~= 'textDocument/inlineCompletion' then
    return
  end
  local id = event.data.request_id
  if request.type == 'pending' and api.nvim_get_current_buf() == event.buf then
    local line = api.nvim_get_current_line()
    local row, tick = api.nvim_win_get_cursor(0)[1] - 1, api.nvim_buf_get_changedtick(event.buf)
    asked[id] = { row = row, length = #line, tick = tick }
  elseif request.type ~= 'pending' then
    answered[event.buf] = request.type == 'complete' and asked[id] or answered[event.buf]
    asked[id] = nil
  end
end

--- Where an item stands now, given what was typed since the server was asked; nil where it fits no more.
---@return infill.Place?
local function fitting(bufnr, item)
  local was, line = answered[bufnr], api.nvim_get_current_line()
  local at_row, at = unpack(api.nvim_win_get_cursor(0))
  local row, col, end_row, end_col = at_row - 1, at, at_row - 1, at
  if item.range then
    row, col, end_row, end_col = item.range:to_extmark()
  end
  if type(item.insert_text) ~= 'string' or not was or at_row - 1 ~= row or end_row ~= row then
    return nil
  end
  local stop = end_col + #line - was.length
  local before = line:sub(col + 1, at)
  local untouched = api.nvim_buf_get_changedtick(bufnr) == was.tick
  if stop < at or at < col or not (untouched or vim.startswith(item.insert_text, before)) then
    return nil
  end
  return { row = row, col = col, end_row = row, end_col = stop, before = before, after = line:sub(at + 1, stop) }
end

local function show_on(bufnr, item, row)
  local completor = M.completor(bufnr)
  if completor and completor.show and api.nvim_win_get_cursor(0)[1] == row then
    completor.current = item
    completor:show()
  end
end

--- Draws what Neovim cannot, which leaves out all that is before the cursor: a line with less indentation.
local function draw_replacements(bufnr, completor)
  local show, hide = completor.show, completor.hide
  if not show or not hide or rawget(completor, 'show') then
    return
  end
  completor.hide = function(self)
    draw.hide(bufnr)
    hide(self)
  end
  completor.show = function(self, hint)
    show(self, hint)
    local item = self.current
    local place = item and api.nvim_get_current_buf() == bufnr and fitting(bufnr, item)
    if place and not vim.startswith(item.insert_text, place.before) then
      hide(self)
      draw.show(bufnr, place, item.insert_text, hint or '')
    end
  end
end

---@param bufnr integer
function M.enable(bufnr)
  vim.lsp.inline_completion.enable(true, { bufnr = bufnr })
  api.nvim_create_autocmd('LspRequest', {
    group = api.nvim_create_augroup('infill.builtin.' .. bufnr, {}),
    buffer = bufnr,
    callback = remember,
  })
  -- The server may have come up while someone types.
  local completor = M.completor(bufnr)
  if completor then
    draw_replacements(bufnr, completor)
  end
  if completor and api.nvim_get_current_buf() == bufnr and vim.startswith(api.nvim_get_mode().mode, 'i') then
    completor:automatic_request()
  end
end

---@param bufnr integer
function M.disable(bufnr)
  vim.lsp.inline_completion.enable(false, { bufnr = bufnr })
  pcall(api.nvim_del_augroup_by_name, 'infill.builtin.' .. bufnr)
  answered[bufnr] = nil
end

--- The model's word for a copy has come: asks again while the copy is still shown.
---@param bufnr integer
function M.refresh(bufnr)
  local completor = M.completor(bufnr)
  if completor and completor.current and completor.request then
    completor:request(vim.lsp.protocol.InlineCompletionTriggerKind.Automatic)
  end
end

--- Ends what is shown, and hands its item to `use`: at once where we can, for `get` does so only after the keys that
--- were typed meanwhile, such as the one that leaves insert mode.
---@return boolean  whether there was an item
local function with_item(bufnr, use)
  local completor = M.completor(bufnr)
  if not completor or not completor.abort then
    return vim.lsp.inline_completion.get({ on_accept = function(item) use(item) end })
  end
  local item = completor.current
  if item then
    completor:abort()
    use(item)
  end
  return item ~= nil
end

--- Takes what is shown, or the part of it that `take` takes.
---@param take? fun(text: string): string
---@return boolean  whether there was something to take
function M.accept(take)
  local bufnr = api.nvim_get_current_buf()
  return with_item(bufnr, function(item)
    local place, row = fitting(bufnr, item), api.nvim_win_get_cursor(0)[1]
    if not place then
      return
    end
    if take and edit.part(place, item.insert_text, take) then
      return show_on(bufnr, item, row)
    end
    if not take then
      edit.whole(place, item.insert_text)
    end
    client.run(bufnr, item.command)
  end)
end

--- Shows another candidate; where there is only the one that came by itself, asks for more.
---@param step 1|-1
---@return boolean
function M.cycle(step)
  local completor = M.completor(api.nvim_get_current_buf())
  if completor and completor.current and M.count() == 1 then
    M.trigger()
  else
    vim.lsp.inline_completion.select({ count = step })
  end
  return completor == nil or completor.current ~= nil
end

---@return integer
function M.count()
  local completor = M.completor(api.nvim_get_current_buf())
  return completor and completor:count_items() or 0
end

---@return boolean
function M.dismiss()
  return with_item(api.nvim_get_current_buf(), function() end)
end

function M.trigger()
  local completor = M.completor(api.nvim_get_current_buf())
  if not completor then
    return client.say('this Neovim cannot ask by hand; set backend = "extmarks"', vim.log.levels.WARN)
  end
  -- A request that is still to come by itself would make the server give this one up.
  completor:reset_timer()
  completor:request(vim.lsp.protocol.InlineCompletionTriggerKind.Invoked)
end

return M

--- Draws a suggestion as ghost text with extmarks. Knows the text and its place, and nothing of where it comes from.
local edit = require('infill.edit')
local insertion = require('infill.insertion')
local M = {}

M.namespace = vim.api.nvim_create_namespace('infill.ghost')

local function mark(bufnr, row, col, position, lines)
  local below = {}
  for i = 2, #lines do
    below[#below + 1] = { { lines[i], 'InfillGhost' } }
  end
  vim.api.nvim_buf_set_extmark(bufnr, M.namespace, row, col, {
    virt_text = { { lines[1], 'InfillGhost' } },
    virt_text_pos = position,
    virt_lines = #below > 0 and below or nil,
    hl_mode = 'combine',
  })
end

local function split(text)
  return vim.split(text, '\n', { plain = true })
end

--- Draws text that stands in for other text, such as a line with less indentation, over what is there.
local function draw_over(bufnr, place, text)
  local lines = split(text)
  local width = vim.fn.strdisplaywidth(place.before .. place.after)
  lines[1] = lines[1] .. (' '):rep(width - vim.fn.strdisplaywidth(lines[1]))
  mark(bufnr, place.row, place.col, 'overlay', lines)
end

--- Draws `text` in place of what is there now.
---@param bufnr integer
---@param place infill.Place
---@param text string
---@param hint string  shown behind it, such as which of several it is
function M.show(bufnr, place, text, hint)
  M.hide(bufnr)
  local found = insertion.between(place.before, place.after, text)
  if not found then
    return draw_over(bufnr, place, text)
  end
  local old = place.before .. place.after
  for i, one in ipairs(found) do
    local row, col = edit.position(place.row, place.col, old, one.at)
    local lines = split(one.text)
    if #lines > 1 then
      -- What is behind the cursor ends up behind the last line, so that is where its ghost stands.
      lines[#lines] = lines[#lines] .. old:sub(one.at + 1)
    end
    lines[#lines] = lines[#lines] .. (i == #found and hint or '')
    mark(bufnr, row, col, 'inline', lines)
  end
end

---@param bufnr integer
function M.hide(bufnr)
  vim.api.nvim_buf_clear_namespace(bufnr, M.namespace, 0, -1)
end

--- Colours that colour schemes and users may overrule.
function M.highlights()
  local has_hint = vim.fn.hlexists('ComplHint') == 1
  vim.api.nvim_set_hl(0, 'InfillGhost', { link = has_hint and 'ComplHint' or 'Comment', default = true })
end

return M

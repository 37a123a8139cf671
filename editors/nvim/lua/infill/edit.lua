--- Puts a suggestion, or the first part of one, into a buffer as one step of undo. Knows no server.
local insertion = require('infill.insertion')
local M = {}

---@class infill.Stretch  Rows and columns in bytes, counted from 0.
---@field row integer
---@field col integer
---@field end_row integer
---@field end_col integer

---@class infill.Place: infill.Stretch  What is replaced, and its text on both sides of the cursor.
---@field before string
---@field after string

--- The position `count` bytes into a text that begins at row and col.
---@return integer row
---@return integer col
function M.position(row, col, text, count)
  local lines = vim.split(text:sub(1, count), '\n', { plain = true })
  return row + #lines - 1, (#lines == 1 and col or 0) + #lines[#lines]
end

local function replace(bufnr, row, col, end_row, end_col, text)
  -- Setting the option, even to the same value, ends the step of undo that typing has begun.
  vim.cmd('let &g:undolevels = &g:undolevels')
  vim.api.nvim_buf_set_text(bufnr, row, col, end_row, end_col, vim.split(text, '\n', { plain = true }))
end

local function move(row, col)
  vim.api.nvim_win_set_cursor(0, { row + 1, col })
end

--- Replaces the place by `text`; the cursor goes behind what was added last.
---@param place infill.Place
---@param text string
function M.whole(place, text)
  replace(0, place.row, place.col, place.end_row, place.end_col, text)
  move(M.position(place.row, place.col, text, insertion.cursor(place.before, place.after, text)))
end

--- Replaces a stretch by `text`; the cursor goes behind it.
---@param stretch infill.Stretch
---@param text string
function M.stretch(stretch, text)
  replace(0, stretch.row, stretch.col, stretch.end_row, stretch.end_col, text)
  move(M.position(stretch.row, stretch.col, text, #text))
end

--- Inserts what `take` takes of the first insertion of `text`; the cursor goes behind it.
---@param place infill.Place
---@param text string
---@param take fun(text: string): string
---@return boolean  whether something is left of the suggestion
function M.part(place, text, take)
  local found = insertion.between(place.before, place.after, text)
  if not found or #found == 0 then
    M.whole(place, text)
    return false
  end
  local taken = take(found[1].text)
  local row, col = M.position(place.row, place.col, place.before .. place.after, found[1].at)
  replace(0, row, col, row, col, taken)
  move(M.position(row, col, taken, #taken))
  return #found > 1 or #taken < #found[1].text
end

return M

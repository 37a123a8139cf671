--- Draws edits at their places with extmarks, and a hint where the next one is. Knows nothing of where they come from.
local difference = require('infill.difference')
local edit = require('infill.edit')
local api = vim.api
local M = {}

M.namespace = api.nvim_create_namespace('infill.next_edit')
M.hint_namespace = api.nvim_create_namespace('infill.next_edit.hint')

local NEW = 'InfillNextEditNew'
local LINE_END = '↵'

local function below(bufnr, row, lines)
  local virtual = vim.tbl_map(function(line) return { { line, NEW } } end, lines)
  api.nvim_buf_set_extmark(bufnr, M.namespace, row, 0, { virt_lines = virtual })
end

local function within(bufnr, row, col, text)
  api.nvim_buf_set_extmark(bufnr, M.namespace, row, col, {
    virt_text = { { text, NEW } }, virt_text_pos = 'inline', hl_mode = 'combine',
  })
end

--- Draws new text behind the old one, which ends at row and col: whole lines below, all else in its line.
local function draw_new(bufnr, row, col, text)
  local whole = col == 0 and vim.endswith(text, '\n')
  local lines = vim.split(whole and text:sub(1, -2) or text, '\n', { plain = true })
  if whole and row > 0 then
    return below(bufnr, row - 1, lines)
  elseif whole then
    -- Nothing can be shown above the first line.
    return within(bufnr, row, col, table.concat(lines, LINE_END) .. LINE_END)
  end
  if lines[1] ~= '' then
    within(bufnr, row, col, lines[1])
  end
  if #lines > 1 then
    local line = api.nvim_buf_get_lines(bufnr, row, row + 1, false)[1]
    lines[#lines] = lines[#lines] .. line:sub(col + 1)
    below(bufnr, row, vim.list_slice(lines, 2))
  end
end

--- Where the pieces of an edit are, and what comes there.
---@param bufnr integer
---@param place infill.Stretch
---@param text string
---@return { row: integer, col: integer, end_row: integer, end_col: integer, text: string }[]
function M.pieces(bufnr, place, text)
  local old = table.concat(api.nvim_buf_get_text(bufnr, place.row, place.col, place.end_row, place.end_col, {}), '\n')
  return vim.tbl_map(function(piece)
    local row, col = edit.position(place.row, place.col, old, piece.from)
    local end_row, end_col = edit.position(place.row, place.col, old, piece.to)
    return { row = row, col = col, end_row = end_row, end_col = end_col, text = piece.text }
  end, difference.pieces(old, text))
end

--- Draws the replacement of a stretch by `text`.
---@param bufnr integer
---@param place infill.Stretch
---@param text string
function M.show(bufnr, place, text)
  for _, piece in ipairs(M.pieces(bufnr, place, text)) do
    api.nvim_buf_set_extmark(bufnr, M.namespace, piece.row, piece.col, {
      end_row = piece.end_row, end_col = piece.end_col, hl_group = 'InfillNextEditOld',
    })
    if piece.text ~= '' then
      draw_new(bufnr, piece.end_row, piece.end_col, piece.text)
    end
  end
end

---@param bufnr integer
function M.hide(bufnr)
  api.nvim_buf_clear_namespace(bufnr, M.namespace, 0, -1)
  M.point(bufnr)
end

--- Shows a hint at the end of a line, or none.
---@param bufnr integer
---@param row? integer
---@param hint? string
function M.point(bufnr, row, hint)
  api.nvim_buf_clear_namespace(bufnr, M.hint_namespace, 0, -1)
  if row and hint then
    api.nvim_buf_set_extmark(bufnr, M.hint_namespace, row, 0, {
      virt_text = { { '  ' .. hint, 'InfillNextEditHint' } }, virt_text_pos = 'eol', hl_mode = 'combine',
    })
  end
end

--- Colours that colour schemes and users may overrule. Some schemes draw deleted lines in invisible letters, so only the
--- background is taken where there is one.
function M.highlights()
  local gone = api.nvim_get_hl(0, { name = 'DiffDelete', link = false })
  local background = gone.reverse and gone.fg or gone.bg
  api.nvim_set_hl(0, 'InfillNextEditOld', {
    bg = background, fg = not background and gone.fg or nil,
    ctermbg = gone.ctermbg, ctermfg = not gone.ctermbg and gone.ctermfg or nil,
    strikethrough = true, cterm = { strikethrough = true }, default = true,
  })
  api.nvim_set_hl(0, NEW, { link = 'DiffAdd', default = true })
  api.nvim_set_hl(0, 'InfillNextEditHint', { link = 'InfillGhost', default = true })
end

return M

--- What differs between two texts. Plain strings in and out; knows no buffer, window or server.
local M = {}

---@class infill.Piece  The bytes from `from` up to `to` of the old text go, and `text` comes; either may be empty.
---@field from integer
---@field to integer
---@field text string

-- Words are not cut, and neither are characters of several bytes.
local TOKENS = [=[\%(\%(\w\|[^\x00-\x7f]\)\+\|\_.\)\zs]=]

local function common(one, other, step)
  local first, first_other = step > 0 and 1 or #one, step > 0 and 1 or #other
  local count, most = 0, math.min(#one, #other)
  while count < most and one[first + step * count] == other[first_other + step * count] do
    count = count + 1
  end
  return count
end

local function trimmed(at, before, after)
  local old, new = vim.fn.split(before, TOKENS), vim.fn.split(after, TOKENS)
  local front = common(old, new, 1)
  local back = math.min(common(old, new, -1), #old - front, #new - front)
  return {
    from = at + #table.concat(old, '', 1, front),
    to = at + #table.concat(old, '', 1, #old - back),
    text = table.concat(new, '', front + 1, #new - back),
  }
end

--- The pieces that differ: line by line where both texts have as many lines, else one.
---@param before string
---@param after string
---@return infill.Piece[]
function M.pieces(before, after)
  local old, new = vim.split(before, '\n', { plain = true }), vim.split(after, '\n', { plain = true })
  if #old ~= #new then
    return { trimmed(0, before, after) }
  end
  local found, at = {}, 0
  for i, line in ipairs(old) do
    local piece = trimmed(at, line, new[i])
    if piece.to > piece.from or piece.text ~= '' then
      found[#found + 1] = piece
    end
    at = at + #line + 1
  end
  return found
end

return M

--- What a suggestion adds to the text that it replaces. Plain strings in and out; knows no buffer, window or server.
local M = {}

---@class infill.Insertion  Text that is added at `at` bytes into the replaced text.
---@field at integer
---@field text string

local function characters(text)
  return vim.fn.split(text, '\\zs')
end

--- The insertions that make `new` of `before .. after`, in order.
---
--- What is behind the cursor is looked for from the right, because closers come last: `max(|, key=)` becomes
--- `max(items, key=len)` by two insertions.
---@param before string  the replaced text up to the cursor
---@param after string  the replaced text behind it
---@param new string
---@return infill.Insertion[]?  nil where something would be deleted or inserted before the cursor
function M.between(before, after, new)
  if not vim.startswith(new, before) then
    return nil
  end
  local added, kept = characters(new:sub(#before + 1)), characters(after)
  local found, stop, at = {}, #added, #before + #after
  for k = #kept, 1, -1 do
    local i = stop
    while i > 0 and added[i] ~= kept[k] do
      i = i - 1
    end
    if i == 0 then
      return nil
    end
    if i < stop then
      table.insert(found, 1, { at = at, text = table.concat(added, '', i + 1, stop) })
    end
    stop, at = i - 1, at - #kept[k]
  end
  if stop > 0 then
    table.insert(found, 1, { at = #before, text = table.concat(added, '', 1, stop) })
  end
  return found
end

--- How many bytes of `new` come before the end of its last insertion: where the cursor goes once it is accepted.
---@param before string
---@param after string
---@param new string
---@return integer
function M.cursor(before, after, new)
  local found = M.between(before, after, new)
  if not found or #found == 0 then
    return #new
  end
  return #new - (#before + #after - found[#found].at)
end

--- The next word of a suggestion, with the white space before it.
---@param text string
---@return string
function M.word(text)
  local word = vim.fn.matchstr(text, [=[^\_s*\%(\k\+\|[^[:keyword:][:space:]]\+\)]=])
  return word ~= '' and word or text
end

--- The rest of a suggestion's first line; the whole next line where it begins with a line end.
---@param text string
---@return string
function M.line(text)
  return text:match('^\n*[^\n]*')
end

return M

--- Keys, of insert mode if not said otherwise. A key that has nothing to do does what it did before, so that other plugins keep theirs.
local M = {}

local function feed(keys, mode)
  vim.api.nvim_feedkeys(vim.api.nvim_replace_termcodes(keys, true, true, true), 'i' .. mode, false)
end

--- Does what the key was mapped to before; without that, types it. Alt keys type nothing: they would leave insert mode.
local function fall_through(key, previous)
  if previous.callback then
    local result = previous.callback()
    if previous.expr == 1 and type(result) == 'string' then
      feed(result, previous.noremap == 1 and 'n' or 'm')
    end
  elseif previous.rhs then
    local rhs = previous.expr == 1 and vim.api.nvim_eval(previous.rhs) or previous.rhs
    feed(rhs, previous.noremap == 1 and 'n' or 'm')
  elseif not key:lower():match('^<[ma]%-') then
    feed(key, 'n')
  end
end

--- Maps `key` to `action`, which says whether it had something to do.
---@param key string|false
---@param action fun(): boolean?
---@param description string
---@param mode? 'i'|'n'
function M.map(key, action, description, mode)
  if not key then
    return
  end
  mode = mode or 'i'
  local previous = vim.fn.maparg(key, mode, false, true)
  -- After a second setup the key is ours already: keep what it was mapped to in the first place.
  previous = previous.desc and vim.startswith(previous.desc, 'infill: ') and {} or previous
  vim.keymap.set(mode, key, function()
    if action() == false then
      fall_through(key, previous)
    end
  end, { desc = 'infill: ' .. description })
end

return M

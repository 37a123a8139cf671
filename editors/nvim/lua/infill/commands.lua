--- The server's edits as commands of Neovim. What each does, and whether it can be done here, the server decides.
local client = require('infill.client')
local M = {}

---@type table<string, { command: string, what: string }>
M.EDITS = {
  InfillFill = { command = 'infill.fillGap', what = 'fill the gap at the cursor' },
  InfillBody = { command = 'infill.fillBody', what = 'fill the body around the cursor' },
  InfillArguments = { command = 'infill.fillArguments', what = 'fill the arguments at the cursor' },
  InfillRewrite = { command = 'infill.rewriteSelection', what = 'rewrite the selection, keep its structure' },
  InfillRepair = { command = 'infill.repairSyntax', what = 'repair the syntax here' },
  InfillSuggest = { command = 'infill.suggestEdits', what = 'suggest edits in this function' },
}

local function selected(options)
  local first, last = vim.api.nvim_buf_get_mark(0, '<'), vim.api.nvim_buf_get_mark(0, '>')
  return first[1] == options.line1 and last[1] == options.line2
end

--- The range that a command was called for: the selection, whole lines, or the cursor.
---@param options { range: integer, line1: integer, line2: integer }  as Neovim gives them to a command
---@param encoding string
---@return lsp.Range
local function range_of(options, encoding)
  if options.range == 0 then
    local at = vim.lsp.util.make_position_params(0, encoding).position
    return { start = at, ['end'] = at }
  end
  if selected(options) then
    return vim.lsp.util.make_given_range_params(nil, nil, 0, encoding).range
  end
  local last = vim.api.nvim_buf_get_lines(0, options.line2 - 1, options.line2, false)[1]
  local from, to = { options.line1, 0 }, { options.line2, math.max(#last - 1, 0) }
  return vim.lsp.util.make_given_range_params(from, to, 0, encoding).range
end

--- Asks the server for one of its edits.
---@param name string  a key of EDITS
---@param options { range: integer, line1: integer, line2: integer }
function M.run(name, options)
  local asked = client.of(0)
  if not asked then
    return client.say('no server runs for this buffer; see :checkhealth infill', vim.log.levels.WARN)
  end
  client.run(0, {
    command = M.EDITS[name].command,
    arguments = { vim.uri_from_bufnr(0), range_of(options, asked.offset_encoding) },
  })
end

return M

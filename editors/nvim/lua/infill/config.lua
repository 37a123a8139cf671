--- Settings of the plugin: their defaults, and the check of what `setup` is given.
--- What is suggested, and when, is set by the server's own settings, which are passed on unread.
local M = {}

---@class infill.Keys  Each is a key of insert mode, or false for none; those of next edits are keys of normal mode too.
---@field accept string|false
---@field accept_word string|false
---@field accept_line string|false
---@field next string|false
---@field prev string|false
---@field dismiss string|false
---@field trigger string|false
---@field next_edit string|false
---@field dismiss_next_edit string|false

---@class infill.Config
---@field cmd string[]
---@field filetypes string[]  '*' stands for all.
---@field root_markers string[]
---@field backend 'auto'|'builtin'|'extmarks'
---@field auto boolean  whether suggestions come up while typing
---@field debounce integer  milliseconds; the built-in completion has its own 200
---@field next_edit boolean  whether edits are shown that the last one calls for elsewhere
---@field keys infill.Keys|false
---@field settings table  the server's, without the prefix `infill.`
M.defaults = {
  cmd = { 'infill-lsp', '--stdio' },
  filetypes = {
    'python', 'javascript', 'javascriptreact', 'typescript', 'typescriptreact', 'go', 'rust', 'java', 'c', 'cpp',
    'json', 'jsonc', 'cs', 'ruby', 'php', 'sh', 'bash', 'zsh', 'html', 'css', 'sql', 'yaml', 'markdown',
  },
  root_markers = { '.git', 'pyproject.toml', 'package.json', 'go.mod', 'Cargo.toml' },
  backend = 'auto',
  auto = true,
  debounce = 60,
  next_edit = true,
  keys = {
    accept = '<M-l>',
    accept_word = '<M-w>',
    accept_line = '<M-j>',
    next = '<M-]>',
    prev = '<M-[>',
    dismiss = '<M-e>',
    trigger = '<M-\\>',
    next_edit = '<M-n>',
    dismiss_next_edit = '<M-d>',
  },
  settings = {},
}

---@type infill.Config
M.current = vim.deepcopy(M.defaults)

local function must(ok, sentence, ...)
  if not ok then
    error(('infill: ' .. sentence):format(...), 0)
  end
end

--- What holds from now on: the defaults, with `options` over them.
---@param options? table
---@return infill.Config
function M.set(options)
  options = options or {}
  for name, value in pairs(options) do
    local default = M.defaults[name]
    must(default ~= nil, 'there is no option "%s"; :help infill-setup lists them', name)
    must(
      type(value) == type(default) or (name == 'keys' and value == false),
      '"%s" must be a %s, not %s', name, type(default), vim.inspect(value)
    )
  end
  for name in pairs(options.keys or {}) do
    must(M.defaults.keys[name], 'there is no key "%s"; :help infill-keys lists them', name)
  end
  M.current = vim.tbl_deep_extend('force', M.defaults, options)
  -- Lists are taken as they are given, whatever their length: merging them by position would mix two commands.
  for _, name in ipairs({ 'cmd', 'filetypes', 'root_markers' }) do
    M.current[name] = options[name] or M.defaults[name]
  end
  must(
    vim.tbl_contains({ 'auto', 'builtin', 'extmarks' }, M.current.backend),
    '"backend" must be "auto", "builtin" or "extmarks", not "%s"', M.current.backend
  )
  must(M.current.backend ~= 'builtin' or vim.lsp.inline_completion, 'the backend "builtin" needs Neovim 0.12')
  return M.current
end

--- The name of the backend that holds here: Neovim's own where it has one, unless told otherwise. That one cannot
--- leave off asking by itself.
---@return 'builtin'|'extmarks'
function M.backend()
  if M.current.backend ~= 'auto' then
    return M.current.backend
  end
  return vim.lsp.inline_completion and M.current.auto and 'builtin' or 'extmarks'
end

--- Whether a buffer gets suggestions: a file's text of a wanted type, not a prompt, a terminal or a list.
---@param bufnr integer
---@return boolean
function M.wants(bufnr)
  local filetype = vim.bo[bufnr].filetype
  local listed = vim.tbl_contains(M.current.filetypes, filetype) or vim.tbl_contains(M.current.filetypes, '*')
  return vim.bo[bufnr].buftype == '' and filetype ~= '' and listed
end

return M

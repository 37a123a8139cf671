-- Commands; what they need is loaded when they are used.
if vim.g.loaded_infill then
  return
end
vim.g.loaded_infill = true

local function command(name, what, action, range)
  vim.api.nvim_create_user_command(name, action, { desc = 'infill: ' .. what, range = range })
end

for name, edit in pairs(require('infill.commands').EDITS) do
  command(name, edit.what, function(options)
    require('infill.commands').run(name, options)
  end, true)
end
command('InfillTrigger', 'ask for suggestions', function() require('infill').trigger() end)
command('InfillNextEdit', 'go to the next edit, or apply it', function() require('infill.next_edit').run('next') end)
command('InfillDismissNextEdit', 'dismiss the next edit', function() require('infill.next_edit').run('dismiss') end)
command('InfillToggle', 'turn suggestions off or on', function() require('infill').toggle() end)
command('InfillRestart', 'restart the server', function() require('infill.client').restart() end)
command('InfillStatus', 'say what the server does', function() vim.notify(require('infill').status()) end)
command('InfillLog', "open the language clients' log", function()
  vim.cmd.tabedit(require('vim.lsp.log').get_filename())
end)

for name, action in pairs({ ['next-edit'] = 'next_edit', ['dismiss-next-edit'] = 'dismiss_next_edit' }) do
  vim.keymap.set({ 'n', 'i' }, ('<Plug>(infill-%s)'):format(name), function()
    require('infill')[action]()
  end)
end

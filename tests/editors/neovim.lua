-- What a person does in Neovim, without one: a release is deleted, the diagnostic comes, its fix is applied, and the
-- diagnostic goes. $CLANGD, where there is one, is a second server for the buffer. Run with the program open;
-- answers with one JSON object in the file that $ANSWER names.

local SECONDS = 30
local RELEASE = "bpf_xdp_xfrm_state_release(state);"
local answer = { errors = {} }

local function finish()
  vim.fn.writefile({ vim.json and vim.json.encode(answer) or vim.fn.json_encode(answer) }, vim.env.ANSWER)
  vim.cmd("qall!")
end

local function wait(what, condition)
  if not vim.wait(SECONDS * 1000, condition, 20) then
    table.insert(answer.errors, "never: " .. what)
    finish()
    error(what)
  end
end

local function found()
  return vim.tbl_filter(function(one)
    return one.source == "kfuncgen"
  end, vim.diagnostic.get(0))
end

local function rules()
  return vim.tbl_map(function(one)
    return one.code or one.user_data.lsp.code
  end, found())
end

local function clients()
  local get = vim.lsp.get_clients or vim.lsp.buf_get_clients
  return vim.tbl_values(get(vim.lsp.get_clients and { bufnr = 0 } or 0))
end

vim.notify = function(message)
  table.insert(answer.errors, message)
end
vim.ui.select = function(items, options, choose)
  answer.titles = vim.tbl_map(options.format_item, items)
  for number, title in ipairs(answer.titles) do
    if title:find("Insert " .. RELEASE, 1, true) then
      return choose(items[number], number)
    end
  end
  table.insert(answer.errors, "there is no fix")
end

local servers = 1
if vim.env.CLANGD then
  local config = { name = "clangd", cmd = { vim.env.CLANGD }, root_dir = vim.fn.getcwd() }
  if vim.lsp.start then
    vim.lsp.start(config)
  else
    vim.lsp.buf_attach_client(0, vim.lsp.start_client(config))
  end
  servers = 2
end
wait("the servers", function()
  for _, one in ipairs(clients()) do
    if not one.server_capabilities then
      return false
    end
  end
  return #clients() == servers
end)
answer.servers = vim.tbl_map(function(one)
  return one.name
end, clients())
for _, one in ipairs(clients()) do
  if one.name == "kfuncgen" then
    answer.root = one.config.root_dir
  end
end

local line = vim.fn.search(RELEASE, "w")
vim.api.nvim_buf_set_lines(0, line - 1, line, true, {})
wait("the diagnostic", function()
  return #found() > 0
end)
answer.found = rules()
local first = found()[1]
answer.message = first.message
answer.line = vim.api.nvim_buf_get_lines(0, first.lnum, first.lnum + 1, true)[1]
vim.api.nvim_win_set_cursor(0, { first.lnum + 1, first.col })

vim.lsp.buf.code_action()
wait("the fix in the text", function()
  return vim.fn.search(RELEASE, "nw") > 0
end)
wait("no diagnostic", function()
  return #found() == 0
end)
answer.left = vim.tbl_map(function(one)
  return one.message
end, vim.diagnostic.get(0))

vim.fn.search("bpf_xdp_get_xfrm_state(", "w")
vim.lsp.buf_request(0, "textDocument/hover", vim.lsp.util.make_position_params(0, "utf-16"), function(_, result)
  answer.hover = (answer.hover or "") .. (result and result.contents.value or "")
end)
wait("the contract", function()
  return answer.hover and answer.hover:find("acquires a reference", 1, true)
end)
local document = { textDocument = { uri = vim.uri_from_bufnr(0) } }
vim.lsp.buf_request(0, "textDocument/codeLens", document, function(_, result, context)
  if vim.lsp.get_client_by_id(context.client_id).name == "kfuncgen" then
    answer.lenses = #(result or {})
  end
end)
wait("an answer about lenses", function()
  return answer.lenses
end)
vim.cmd("write")

-- The loader is no BPF program; a header of the project belongs to one.
vim.cmd("edit src/xdp_xfrm.c")
vim.wait(200)
answer.loader = vim.tbl_map(function(one)
  return one.name
end, clients())
vim.cmd("edit src/xdp_xfrm.h")
wait("the server in a header", function()
  return #clients() == 1
end)
finish()

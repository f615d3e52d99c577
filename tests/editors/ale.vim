" What a person does in Vim with ALE, without one: a release is deleted, the diagnostic comes, its fix is applied, and
" the diagnostic goes. Run with the program open; answers with one JSON object in the file that $ANSWER names.

let s:seconds = 30
let s:release = 'bpf_xdp_xfrm_state_release(state);'
let s:answer = {}

function! s:Finish() abort
    call writefile([json_encode(s:answer)], $ANSWER)
    qall!
endfunction

function! s:Wait(what, Condition) abort
    let l:begin = reltime()
    while !a:Condition()
        if reltimefloat(reltime(l:begin)) > s:seconds
            let s:answer.error = 'never: ' . a:what
            call s:Finish()
        endif
        sleep 20m
    endwhile
endfunction

function! s:Found() abort
    return filter(copy(ale#engine#GetLoclist(bufnr(''))), {_, one -> one.linter_name is# 'kfuncgen'})
endfunction

" The question that :ALECodeAction asks.
runtime autoload/ale/util.vim
function! ale#util#Input(message, value, ...) abort
    let s:answer.menu = a:message
    return '1'
endfunction

function! s:Run() abort
    let s:answer.linters = map(ale#linter#Get('c'), {_, one -> one.name})
    let s:answer.root = ale_linters#c#kfuncgen#GetProjectRoot(bufnr(''))
    call cursor(1, 1)
    execute search('\V' . s:release) . 'delete'
    ALELint
    call s:Wait('the diagnostic', {-> !empty(s:Found())})
    let l:found = s:Found()[0]
    let s:answer.found = map(s:Found(), {_, one -> one.code})
    let s:answer.text = getline(l:found.lnum)[l:found.col - 1 : l:found.end_col - 1]
    call cursor(l:found.lnum, l:found.col)
    ALECodeAction
    call s:Wait('the fix in the text', {-> search('\V' . s:release, 'nw') > 0})
    ALELint
    call s:Wait('no diagnostic', {-> empty(s:Found())})
    let s:answer.left = map(s:Found(), {_, one -> one.text})
    write
endfunction

try
    call s:Run()
catch
    let s:answer.error = v:exception . ' at ' . v:throwpoint
endtry
call s:Finish()

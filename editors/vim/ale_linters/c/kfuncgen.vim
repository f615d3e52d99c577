" SPDX-License-Identifier: BSD-2-Clause
" kfuncgen as a linter of ALE, through its language server: findings, fixes (:ALECodeAction), contracts (:ALEHover)
" and completion in BPF programs, beside whatever else ALE runs for C.
"
" Settings: g:ale_c_kfuncgen_executable, g:ale_c_kfuncgen_options

call ale#Set('c_kfuncgen_executable', 'kfuncgen')
call ale#Set('c_kfuncgen_options', '')

let s:marks = '^\s*#\s*include\s*[<"].*\%(bpf_helpers\.h\|vmlinux\.h\)[>"]'
let s:roots = ['kfuncgen.toml', 'compile_commands.json', 'compile_flags.txt', '.clangd', '.git/']

" Where the project begins; empty when the buffer is no BPF program, and ALE starts nothing then.
function! ale_linters#c#kfuncgen#GetProjectRoot(buffer) abort
    let l:file = fnamemodify(bufname(a:buffer), ':p')

    if l:file !~# '\.bpf\.c$' && match(getbufline(a:buffer, 1, 200), s:marks) < 0
        return ''
    endif

    for l:name in s:roots
        let l:found = l:name =~# '/$'
        \   ? ale#path#FindNearestDirectory(a:buffer, l:name)
        \   : ale#path#FindNearestFile(a:buffer, l:name)

        if !empty(l:found)
            return fnamemodify(l:found, l:name =~# '/$' ? ':p:h:h' : ':p:h')
        endif
    endfor

    return fnamemodify(l:file, ':h')
endfunction

call ale#linter#Define('c', {
\   'name': 'kfuncgen',
\   'lsp': 'stdio',
\   'executable': {b -> ale#Var(b, 'c_kfuncgen_executable')},
\   'command': {b -> '%e lsp' . ale#Pad(ale#Var(b, 'c_kfuncgen_options'))},
\   'project_root': function('ale_linters#c#kfuncgen#GetProjectRoot'),
\})

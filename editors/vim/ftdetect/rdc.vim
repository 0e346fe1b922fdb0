autocmd BufRead,BufNewFile *.rdc setfiletype rdc

" The configuration language of Equus. Copy or link editors/vim into a folder of 'runtimepath'.
if exists("b:current_syntax")
  finish
endif

syntax match rdcName "\<\h\w*\>" contained
syntax match rdcNumber "\<\d[0-9_]*\(ns\|us\|ms\|s\|min\|h\|B\|KiB\|MiB\|GiB\)\=\>"
syntax match rdcQualified "\<\h\w*\(\.\h\w*\)\+\>"
syntax match rdcOperator "<-\|->\|\.\.\|==\|!=\|<=\|>="
syntax keyword rdcItem rdc use from version param place channel export as moved incarnation
syntax keyword rdcRole primary blueprint unicast multicast anycast
syntax keyword rdcStatement port stream on near spread over migrate within limit priority when where only to handle
syntax keyword rdcOperator and or not in
syntax keyword rdcConstant true false none nodes index key live never automatic user group everyone
syntax keyword rdcLimit credit queue calls memory
syntax keyword rdcType int text path bool duration list of
syntax keyword rdcFunction has
syntax match rdcParameter "\<\h\w*\>\ze\s*=[^=]"
syntax match rdcEscape "\\\(["\\nt]\|u{\x\{1,6}}\)" contained
syntax region rdcText start=+"+ skip=+\\.+ end=+"+ oneline contains=rdcEscape
syntax match rdcComment "#.*$" contains=@Spell

highlight default link rdcNumber Number
highlight default link rdcQualified Type
highlight default link rdcOperator Operator
highlight default link rdcItem Keyword
highlight default link rdcRole StorageClass
highlight default link rdcStatement Statement
highlight default link rdcConstant Constant
highlight default link rdcLimit Identifier
highlight default link rdcType Type
highlight default link rdcFunction Function
highlight default link rdcParameter Identifier
highlight default link rdcEscape SpecialChar
highlight default link rdcText String
highlight default link rdcComment Comment

setlocal commentstring=#\ %s
let b:current_syntax = "rdc"

#compdef @PROGRAMS@
# Completion for zsh. Load it in ~/.zshrc after compinit: source <(kubectl-rhacs completion zsh)

__@NAME@_complete() {
  local line current directive=0
  local -a values plain options
  local tab=$'\t'

  current=${words[CURRENT]}
  for line in "${(@f)$(${(Q)words[1]} __complete "${(@Q)words[2,CURRENT-1]}" "${(Q)current}" 2>/dev/null)}"; do
    if [[ $line =~ '^:[0-9]+$' ]]; then
      directive=${line#:}
    elif [[ -n $line ]]; then
      plain+=("${line%%$tab*}")
      # `_describe` splits at the first colon.
      if [[ $line == *$tab* ]]; then
        values+=("${${line%%$tab*}//:/\\:}:${line#*$tab}")
      else
        values+=("${line//:/\\:}")
      fi
    fi
  done

  # The candidates are values: what stands before `=` stays.
  [[ $current == --*=* ]] && compset -P '--*='
  ((directive & 2)) && options=(-S '')
  if ((${#plain})); then
    _describe -V 'completions' values "${options[@]}"
  elif ((directive & 16)); then
    _files -/
  elif ((!(directive & 4))); then
    _files
  fi
}

compdef __@NAME@_complete @PROGRAMS@

# Completion for bash. Load it in ~/.bashrc: source <(kubectl-rhacs completion bash)

__@NAME@_complete() {
  local words current="" word index line value directive=0 stem

  # bash also breaks words at `=` and `:`; the program gets them as they were typed.
  words=()
  for ((index = 1; index <= COMP_CWORD; index++)); do
    word=${COMP_WORDS[index]}
    if [[ $index -gt 1 && ($word == [=:]* || $current == *[=:]) ]]; then
      current+=$word
    else
      [[ $index -gt 1 ]] && words+=("$current")
      current=$word
    fi
  done
  words+=("$current")

  # Candidates are values: without the flag before `=`, and bash replaces only what follows `:`.
  [[ $current == --*=* ]] && current=${current#*=}
  stem=""
  [[ $current == *:* && $COMP_WORDBREAKS == *:* ]] && stem=${current%"${current##*:}"}

  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line =~ ^:[0-9]+$ ]]; then
      directive=${line#:}
      continue
    fi
    value=${line%%$'\t'*}
    if [[ $value == "$current"* ]]; then
      printf -v value '%q' "${value#"$stem"}"
      COMPREPLY+=("$value")
    fi
  done < <("${COMP_WORDS[0]/#\~/$HOME}" __complete "${words[@]}" 2>/dev/null)

  if ((${#COMPREPLY[@]} == 0)); then
    if ((directive & 16)); then
      type compopt >/dev/null 2>&1 && compopt -o filenames
      while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -d -- "$current")
    elif ((!(directive & 4))); then
      type compopt >/dev/null 2>&1 && compopt -o filenames
      while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$current")
    fi
  elif ((directive & 2)); then
    type compopt >/dev/null 2>&1 && compopt -o nospace
  fi
}

complete -F __@NAME@_complete @PROGRAMS@

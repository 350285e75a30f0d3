# Completion for fish. Load it in ~/.config/fish/config.fish: kubectl-rhacs completion fish | source

function __@NAME@_ask
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l lines ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
    set -l directive 0
    set -l values
    for line in $lines
        if string match -qr '^:[0-9]+$' -- $line
            set directive (string sub -s 2 -- $line)
        else if test -n "$line"
            set -a values $line
        end
    end

    # fish replaces the whole word: what stands before `=` comes back.
    set -l before ""
    if string match -qr '^--[^=]*=' -- $current
        set before (string replace -r '^(--[^=]*=).*' '$1' -- $current)
    end
    if test (count $values) -gt 0
        for value in $values
            echo "$before$value"
        end
    else if test (math "floor($directive / 16) % 2") -eq 1
        __fish_complete_directories (string replace -- "$before" "" $current)
    else if test (math "floor($directive / 4) % 2") -eq 0
        __fish_complete_path (string replace -- "$before" "" $current)
    end
end

for program in @PROGRAMS@
    complete -c $program -f -k -a '(__@NAME@_ask)'
end

# Completion for PowerShell. Load it in $PROFILE: kubectl-rhacs completion powershell | Out-String | Invoke-Expression

Register-ArgumentCompleter -Native -CommandName @PROGRAMS@ -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $words = @($commandAst.CommandElements | ForEach-Object { "$_" })
    $program = $words[0]
    $before = @($commandAst.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { "$_" })
    $asked = @($before | Select-Object -Skip 1) + @("$wordToComplete")

    # Windows PowerShell drops empty arguments: the word being typed has to arrive all the same.
    if ($PSVersionTable.PSVersion -lt [version]'7.3' -and "$wordToComplete" -eq '') {
        $asked[-1] = '""'
    }

    $prefix = ''
    if ("$wordToComplete" -match '^(--[^=]*=)') { $prefix = $Matches[1] }

    & $program __complete @asked 2>$null | Where-Object { $_ -and $_ -notmatch '^:\d+$' } | ForEach-Object {
        $value, $about = $_ -split "`t", 2
        if (-not $about) { $about = $value }
        $text = "$prefix$value"
        if ($text -match '[\s''";&|]') { $text = "'" + ($text -replace "'", "''") + "'" }
        [System.Management.Automation.CompletionResult]::new($text, $value, 'ParameterValue', $about)
    }
}

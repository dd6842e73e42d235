# Completion of sluice for fish, as ~/.config/fish/completions/sluice.fish.

function __sluice_at
    set -l typed (commandline -opc)
    test (count $typed) -eq (math 1 + (count $argv)); or return 1
    test (count $argv) -eq 0; or test "$typed[2..]" = "$argv"
end

function __sluice_in
    set -l typed (commandline -opc)
    set -l last (math 1 + (count $argv))
    test (count $typed) -ge $last; and test "$typed[2..$last]" = "$argv"
end

complete -c sluice -f
complete -c sluice -n __sluice_at -l version -d 'Print the version.'
complete -c sluice -l help -d 'Show the help.'
{{- range $c := .}}
{{- range .Commands}}
complete -c sluice -n '__sluice_at{{if $c.Path}} {{$c.Path}}{{end}}' -a {{.Name}} -d {{quote .Usage}}
{{- end}}
{{- range .Flags}}
complete -c sluice -n '__sluice_in {{$c.Path}}' -l {{.Name}} -d {{quote .Meaning}}
{{- if .List}} -x -a '(__fish_append , {{join .Choices}})'
{{- else if .Choices}} -x -a {{quote (join .Choices)}}
{{- else if .File}} -r -F
{{- else if .Value}} -x
{{- end}}
{{- end}}
{{- if .FileArgument}}
complete -c sluice -n '__sluice_at {{.Path}}' -F
{{- end}}
{{- if .Argument}}
complete -c sluice -n '__sluice_at {{.Path}}' -a {{quote (join .Argument)}}
{{- end}}
{{- end}}

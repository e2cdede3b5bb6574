# The stage of examples/demo.sh: processes, what they are told, what they show. Sourced by it; every scenario runs in a
# folder and a subshell of its own.

limit=20          # seconds to wait for anything
first_input=11    # the descriptor of the first process's input
inputs=10         # the descriptor of the last one's
pids=             # all that were started

fail() { echo "$*" > reason; exit 1; }

until_true() { # WORDS COMMAND...: until the command succeeds; the words say what did not happen
    local words=$1 end=$((SECONDS + limit)); shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || fail "$words"
        sleep 0.05
    done
}

new_output() { # NAME: where a process shows what it shows; an earlier one's of that name is kept
    [ ! -e "$1.txt" ] || cat "$1.txt" >> "$1.earlier.txt"
    : > "$1.txt"
    echo 1 > "$1.from"
}

close_inputs() { local it; for ((it = first_input; it <= inputs; it++)); do eval "exec $it<&-"; done; }

run() { # NAME PROGRAM ARGUMENT...: a process in the background, told what to do through a pipe
    local name=$1; shift
    new_output "$name"
    rm -f "$name.in"; mkfifo "$name.in"
    inputs=$((inputs + 1))
    eval "exec $inputs<>$name.in; input_$name=$inputs"
    ( close_inputs; exec "$@" < "$name.in" > "$name.txt" 2>> "$name.log" ) &
    eval "pid_$name=$!"
    pids+=" $!"
}

node() { # NAME [OPTION...]: a node on this machine, on any port unless told
    local name=$1 port="--port 0"; shift
    case " $* " in *" --port "*) port= ;; esac
    # shellcheck disable=SC2086 # no words if there is no port
    run "$name" "$papo" --name "$name" --listen 127.0.0.1 $port "$@"
    sees "$name" "127.0.0.1:"
}

server() { # [PORT]: a rendezvous server
    run server "$papo" rendezvous --listen 127.0.0.1 --port "${1:-0}"
    sees server "rendezvous listening on 127.0.0.1:"
}

relay() { # LISTEN TARGET: what the link goes through
    [ -x "$work/relay" ] || HOME=$user_home rustc --edition 2024 -o "$work/relay" "$here/relay.rs" 2> relay.log ||
        fail "rustc does not build the relay: $(head -n 1 relay.log)"
    run relay "$work/relay" "$1" "$2"
    sees relay "relay 127.0.0.1:"
}

silent_peer() { # NAME ADDRESS: dials alice and lives, but acknowledges and says only what is put into NAME.say
    new_output "$1"
    ( close_inputs; greet_and_answer "$1" "$2" > "$1.txt" ) &
    eval "pid_$1=$!"
    pids+=" $!"
}

greet_and_answer() { # NAME ADDRESS: shows every line it hears, and "closed" at the end
    local line id more='"timestamp":"2026-01-01T00:00:00Z","ttl":1'
    exec 3<> "/dev/tcp/${2%:*}/${2#*:}" || return
    printf '{"type":"HELLO","peer_id":"%s@lobby","version":"1.0","features":["ack","metrics"],"ttl":1}\n' "$1" >&3
    while IFS= read -r line <&3; do
        printf '%s\n' "$line"
        id=${line#*\"msg_id\":\"}; id=${id%%\"*}
        case $line in
            *'"type":"PING"'*) printf '{"type":"PONG","msg_id":"%s",%s}\n' "$id" "$more" >&3 ;;
            *'"type":"BYE"'*) printf '{"type":"BYE_OK","msg_id":"%s","ttl":1}\n' "$id" >&3 ;;
        esac
        [ ! -e "$1.say" ] || { cat "$1.say" >&3; rm "$1.say"; }
    done
    echo closed
}

free_ports() { # the first of five ports in a row that nobody has, below those the system gives away by itself
    local base=$((10000 + RANDOM % 20000)) it
    for ((it = base; it < base + 5; it++)); do
        if (exec 3<> "/dev/tcp/127.0.0.1/$it") 2> /dev/null; then free_ports; return; fi
    done
    echo "$base"
}

tell_silent() { printf '%s\n' "$2" > "$1.new"; mv "$1.new" "$1.say"; }    # it says this with its next answer

port_of() { local first; first=$(head -n 1 "$1.txt"); first=${first#*127.0.0.1:}; echo "${first%%[!0-9]*}"; }
say() { eval "printf '%s\n' \"\$2\" >&\$input_$1"; }
shown() { tail -n "+$(cat "$1.from")" "$1.txt"; }       # what a process has shown since the last `mark`
mark() { echo "$(($(wc -l < "$1.txt") + 1))" > "$1.from"; }
shows() { shown "$1" | grep -F -q -- "$2"; }
sees() { until_true "$1 does not show '$2'" shows "$1" "$2"; }
sees_not() { ! shows "$1" "$2" || fail "$1 shows '$2'"; }
sees_once() { # NAME TEXT: in all that it ever showed
    local count; count=$(cat "$1".*txt | grep -F -c -- "$2")
    [ "$count" = 1 ] || fail "$1 shows '$2' $count times"
}
linked() { sees "$1" "+ $2@lobby is connected"; sees "$2" "+ $1@lobby is connected"; }
talk() { # FROM TO TEXT: a message arrives and is acknowledged
    mark "$1"
    say "$1" "/msg $2 $3"
    sees "$2" "-> [$1@lobby] $3"
    sees "$1" "delivered to $2@lobby in"
}
pid_of() { eval "echo \$pid_$1"; }
strike() { kill -KILL "$(pid_of "$1")"; wait "$(pid_of "$1")" || true; }
leaves() { # NAME CODE: ends by itself
    local code=0
    until_true "$1 does not end" ended "$(pid_of "$1")"
    wait "$(pid_of "$1")" || code=$?
    [ "$code" = "$2" ] || fail "$1 ends with exit code $code, not $2"
}
ended() { ! kill -0 "$1" 2> /dev/null; }

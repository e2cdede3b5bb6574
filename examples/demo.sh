#!/usr/bin/env bash
# Plays papo's six scenarios and the faults of a network with real processes, and says pass or fail.
#
#     examples/demo.sh [BINARY [SCENARIO...]]
#
# Without BINARY it builds target/release/papo; without SCENARIO it plays all of them. It needs bash and coreutils, and
# for the broken links rustc (examples/relay.rs). Homes, ports and processes are its own, and gone when it ends.
# docs/runbook.md plays the same by hand, and says what each scenario proves.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/demo/stage.sh"

all="direct discovery keep_alive reconnection bye cli rendezvous_down rendezvous_lost host_killed ack_withheld link_cut link_frozen peer_killed actor_failed"

# ---- the six scenarios ----

direct() { # two nodes that know nothing but an address
    node alice --no-rendezvous
    node bob --no-rendezvous
    say bob "/connect 127.0.0.1 $(port_of alice)"
    linked alice bob
    talk alice bob "good morning"
    talk bob alice "good morning to you"
    say bob "hello everyone"
    sees alice "* [bob@lobby] hello everyone"
}

discovery() { # three nodes find each other at a rendezvous; a namespace hears only what is for it
    local server_address
    server; server_address=127.0.0.1:$(port_of server)
    node alice --rendezvous "$server_address" --namespace CIC
    node bob --rendezvous "$server_address" --namespace CIC
    node carol --rendezvous "$server_address" --namespace UnB
    sees alice "+ bob@CIC is connected"; sees alice "+ carol@UnB is connected"; sees bob "+ carol@UnB is connected"
    mark alice; say alice "/peers #CIC"
    sees alice "bob@CIC"; sees_not alice "carol@UnB"
    say alice "/pub #CIC for CIC"
    sees bob "#CIC [alice@CIC] for CIC"
    say alice "/pub * for all"
    sees bob "* [alice@CIC] for all"; sees carol "* [alice@CIC] for all"
    sees_not carol "for CIC"
}

keep_alive() { # an idle link is measured, and lives longer than a silent one would
    node alice --no-rendezvous
    node bob --no-rendezvous --join "127.0.0.1:$(port_of alice)"
    linked alice bob
    until_true "alice does not get 5 PONGs" has_pongs alice bob 5
    sees_not alice "is gone"; sees_not bob "is gone"
    talk alice bob "still there?"
}

has_pongs() { # NAME PEER COUNT
    local pongs
    mark "$1"; say "$1" "/rtt"; sees "$1" "$2@lobby"
    pongs=$(shown "$1" | grep -F "$2@lobby"); pongs=${pongs##* }
    [ "$pongs" -ge "$3" ] 2> /dev/null
}

reconnection() { # a peer that comes back is linked again by whoever is left
    local address
    node bob --no-rendezvous --port "$(free_ports)"; address=127.0.0.1:$(port_of bob)
    node alice --no-rendezvous --join "$address"
    linked alice bob
    strike bob
    sees alice "- bob@lobby is gone: connection lost"
    until_true "alice does not dial again and again" has_dialled alice 3
    mark alice
    node bob --no-rendezvous --port "${address#*:}"
    sees alice "+ bob@lobby is connected"
    talk alice bob "welcome back"
}

has_dialled() { # NAME COUNT
    local dials
    mark "$1"; say "$1" "/metrics"; sees "$1" "rendezvous_save_failures"
    dials=$(shown "$1" | grep -F " dials "); dials=${dials#*dials}
    [ "${dials%%[A-Z]*}" -ge "$2" ]
}

bye() { # who leaves says so, is answered, and is not dialled again
    local dials
    node alice --no-rendezvous
    node bob --no-rendezvous
    say alice "/connect 127.0.0.1 $(port_of bob)"
    linked alice bob
    say bob "/quit"
    leaves bob 0
    sees alice "- bob@lobby is gone: it left (quit)"
    silent_peer silent "127.0.0.1:$(port_of alice)"
    sees alice "+ silent@lobby is connected"
    tell_silent silent '{"type":"BYE","msg_id":"b-1","src":"silent@lobby","dst":"alice@lobby","reason":"done","ttl":1}'
    sees silent '{"type":"BYE_OK","msg_id":"b-1","src":"alice@lobby","dst":"silent@lobby","ttl":1}'
    sees silent "closed"
    sees alice "- silent@lobby is gone: it left (done)"
    silent_peer other "127.0.0.1:$(port_of alice)"
    sees alice "+ other@lobby is connected"
    say alice "/quit"
    sees other '"type":"BYE"'
    leaves alice 0
    sees_once alice "+ bob@lobby is connected"
}

cli() { # every command answers; errors say what to do; exit codes tell
    node alice --no-rendezvous
    local line
    while IFS='|' read -r line answer; do
        mark alice; say alice "$line"; sees alice "$answer"
    done <<- END
		/help|/msg PEER TEXT
		/help msg|a message to one peer
		/peers|no peer is known yet
		/conn|no connection is open
		/rtt|no connection is open
		/status|alice@lobby, listening on
		/metrics|texts_sent
		/history|nothing yet
		/to *|plain lines go to *
		/log debug|logging debug
		/reconnect|no rendezvous is used
		/pears|there is no command /pears: did you mean /peers?
		/connect nowhere|!
		/msg|!
	END
    "$papo" --name alice --port 0 --no-rendezvous < /dev/null > second.txt 2>&1 && fail "a second alice starts"
    grep -q "already running here" second.txt || fail "a second alice is told: $(head -n 1 second.txt)"
    PAPO_NODE__PORT=much "$papo" < /dev/null > third.txt 2>&1 && fail "a node with a bad setting starts"
    grep -q "PAPO_NODE__PORT" third.txt || fail "a bad setting is told: $(head -n 1 third.txt)"
    node bob --json --no-rendezvous
    say bob '{"command":"status","ref":"7"}'
    sees bob '"ref":"7"'
    say alice "/quit"
    leaves alice 0
}

# ---- the faults ----

rendezvous_down() { # none answers at the start: said once, tried again, and nothing else is hurt
    local address
    server "$(free_ports)"; address=127.0.0.1:$(port_of server); strike server
    node alice --rendezvous "$address"
    node bob --rendezvous "$address"
    sees alice "! the rendezvous $address does not answer"
    say alice "/connect 127.0.0.1 $(port_of bob)"
    linked alice bob
    talk alice bob "without a rendezvous"
    server "${address#*:}"
    sees alice "~ registered at $address"; sees bob "~ registered at $address"
    sees_once alice "does not answer"
}

rendezvous_lost() { # it goes while nodes are linked, and comes back with its records
    local address
    server "$(free_ports)"; address=127.0.0.1:$(port_of server)
    node alice --rendezvous "$address"
    node bob --rendezvous "$address"
    linked alice bob
    strike server
    sees alice "! the rendezvous $address does not answer"
    talk alice bob "who needs it"
    server "${address#*:}"
    node carol --rendezvous "$address"
    linked carol alice; linked carol bob
}

host_killed() { # the node that hosts the rendezvous of this machine dies: another takes over
    export PAPO_RENDEZVOUS__MODE=embedded PAPO_RENDEZVOUS__ADDRESS PAPO_NODE__PEER_WAIT=3s
    PAPO_RENDEZVOUS__ADDRESS=127.0.0.1:$(free_ports)
    node alice --port "$(free_ports)"; sees alice "(hosted here)"
    node bob
    linked alice bob
    strike alice
    sees bob "- alice@lobby is gone"
    sees bob "~ the rendezvous $PAPO_RENDEZVOUS__ADDRESS is hosted here now"
    node carol --port "$(port_of alice)"
    linked bob carol
    talk bob carol "alice is gone"
    say bob "/msg alice for alice alone"    # her record is left, and leads to carol now
    sees bob "(queued: alice is away)"; sees_not carol "for alice alone"
}

ack_withheld() { # a peer that takes a message and does not acknowledge it: a warning, and a late ACK still counts
    local id
    node alice --no-rendezvous
    silent_peer silent "127.0.0.1:$(port_of alice)"
    sees alice "+ silent@lobby is connected"
    say alice "/msg silent are you there?"
    sees silent '"payload":"are you there?"'
    sees alice "#1 timeout: silent@lobby has not acknowledged after 1 s"
    sees_not alice "silent@lobby is gone"
    id=$(shown silent | grep -F '"type":"SEND"'); id=${id#*\"msg_id\":\"}; id=${id%%\"*}
    tell_silent silent "{\"type\":\"ACK\",\"msg_id\":\"$id\",\"timestamp\":\"2026-01-01T00:00:00Z\",\"ttl\":1}"
    sees alice "#1 delivered to silent@lobby in"
}

link_cut() { # the network between two nodes breaks and heals: what was sent meanwhile arrives, once
    node bob --no-rendezvous
    relay "127.0.0.1:$(free_ports)" "127.0.0.1:$(port_of bob)"
    local through; through=127.0.0.1:$(port_of relay)
    node alice --no-rendezvous --join "$through"
    linked alice bob
    talk alice bob "before"
    mark alice; mark bob; strike relay
    sees alice "- bob@lobby is gone: connection lost"; sees bob "- alice@lobby is gone: connection lost"
    say alice "/msg bob meanwhile"
    sees alice "(queued: bob is away)"
    relay "$through" "127.0.0.1:$(port_of bob)"
    linked alice bob
    sees bob "-> [alice@lobby] meanwhile"
    sees alice "delivered to bob@lobby in"
    talk bob alice "after"
    sees_once bob "meanwhile"
}

link_frozen() { # nothing gets through, and nothing breaks: the silence is noticed, and the next link brings what was lost
    export PAPO_CONNECTION__ACK_TIMEOUT=10s
    node bob --no-rendezvous
    relay 127.0.0.1:0 "127.0.0.1:$(port_of bob)"
    node alice --no-rendezvous --join "127.0.0.1:$(port_of relay)"
    linked alice bob
    mark alice; mark bob; kill -STOP "$(pid_of relay)"
    say alice "/msg bob into the silence"
    sees alice "- bob@lobby is gone: silent for"; sees bob "- alice@lobby is gone: silent for"
    kill -CONT "$(pid_of relay)"
    linked alice bob
    sees bob "-> [alice@lobby] into the silence"
    talk bob alice "after"
    sees_once bob "into the silence"
}

peer_killed() { # a peer dies: it is stale after some dials, its messages wait on disk, the others go on; then it is back
    local carol
    node carol --no-rendezvous; carol=127.0.0.1:$(port_of carol)
    node bob --no-rendezvous
    node alice --no-rendezvous --join "$carol" --join "127.0.0.1:$(port_of bob)"
    linked alice bob; linked alice carol
    strike carol
    sees alice "- carol@lobby is gone: connection lost"
    talk alice bob "carol is gone"
    say alice "/msg carol are you there?"
    sees alice "(queued: carol is away)"
    sees alice "! carol@lobby is stale"
    talk bob alice "so she is"
    node carol --no-rendezvous --join "127.0.0.1:$(port_of alice)"
    sees carol "-> [alice@lobby] are you there?"
    sees_once carol "are you there?"
}

actor_failed() { # an actor that panics is started again, and nothing is lost by it
    export PAPO_DEBUG=1
    node alice --no-rendezvous
    node bob --no-rendezvous --join "127.0.0.1:$(port_of alice)"
    linked alice bob
    say alice "/debug panic router"
    say alice "/msg bob not lost"
    sees alice "! internal error in router (asked to panic); it is restarted in"
    sees bob "-> [alice@lobby] not lost"
    sees alice "delivered to bob@lobby in"
    sees_not alice "is gone"; sees_once bob "not lost"
}

# ---- the play ----

play() { # SCENARIO: in a folder and a subshell of its own, which ends all that it started
    mkdir -p "$work/$1" && cd "$work/$1" || exit
    export XDG_DATA_HOME=$work/$1/data    # no scenario has the history of another one
    trap 'exit 1' TERM
    trap 'kill -KILL $pids 2> /dev/null; wait 2> /dev/null' EXIT
    "$1"
}

tell() { # SCENARIO CODE SECONDS
    local reason="it was ended"
    if [ "$2" = 0 ]; then printf 'pass  %-16s %2s s\n' "$1" "$3"; return; fi
    [ ! -e "$work/$1/reason" ] || reason=$(cat "$work/$1/reason")
    printf 'FAIL  %-16s %2s s  %s\n' "$1" "$3" "$reason"
    tail -n 12 "$work/$1.log" "$work/$1"/*.txt "$work/$1"/*.log 2> /dev/null | sed 's/^/      /'
}

quiet_environment() { # nothing of the user's own settings, and short times
    local it
    user_home=${HOME:-/}
    for it in $(compgen -e PAPO_); do unset "$it"; done
    export HOME=$work XDG_DATA_HOME=$work/data XDG_STATE_HOME=$work/state XDG_CONFIG_HOME=$work/config
    export PAPO_CONNECTION__PING_INTERVAL=500ms PAPO_CONNECTION__ACK_TIMEOUT=1s PAPO_RENDEZVOUS__TIMEOUT=1s
    export PAPO_CONNECTION__RECONNECT_BACKOFF_BASE=200ms
    export PAPO_RENDEZVOUS__DISCOVERY_INTERVAL=1s PAPO_RENDEZVOUS_SERVER__RATE=1000 PAPO_NODE__PEER_WAIT=10s
}

main() {
    local scenario code begin failed=0 played=0
    papo=${1:-}; [ $# = 0 ] || shift
    [ -n "$papo" ] || { (cd "$here/.." && cargo build --release) && papo=${CARGO_TARGET_DIR:-$here/../target}/release/papo; }
    papo=$(cd "$(dirname "$papo")" && pwd)/$(basename "$papo")
    [ -x "$papo" ] || { echo "no program at $papo"; exit 2; }
    for scenario; do
        case " $all " in *" $scenario "*) ;; *) echo "no scenario $scenario; there are: $all"; exit 2 ;; esac
    done
    work=$(mktemp -d)
    trap 'exit 130' INT TERM HUP
    trap 'kill ${playing:-} 2> /dev/null; wait 2> /dev/null; rm -rf "$work"' EXIT
    quiet_environment
    for scenario in ${*:-$all}; do
        begin=$SECONDS
        play "$scenario" 2> "$work/$scenario.log" & playing=$!
        code=0; wait "$playing" || code=$?
        tell "$scenario" "$code" $((SECONDS - begin))
        played=$((played + 1)); [ "$code" = 0 ] || failed=$((failed + 1))
    done
    echo "$((played - failed)) of $played scenarios passed"
    [ "$failed" = 0 ]
}

main "$@"

//! A row of numbers as a line of blocks: how round-trip times rise and fall, at a glance. Pure.

use std::time::Duration;

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A block for each time: the lowest for the least of them, the highest for the most; the lowest if all are the same.
pub fn spark(times: &[Duration]) -> String {
    let micros = || times.iter().map(Duration::as_micros);
    let (least, most) = (micros().min().unwrap_or(0), micros().max().unwrap_or(0));
    let range = (most - least).max(1);
    let highest = BLOCKS.len() - 1;
    let block = |time: u128| {
        let height = (time - least) * highest as u128 / range;
        BLOCKS[usize::try_from(height).unwrap_or(highest).min(highest)]
    };
    micros().map(block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_height_is_the_place_between_least_and_most() {
        for (micros, expected) in [
            (&[][..], ""),
            (&[5], "▁"),
            (&[5, 5, 5], "▁▁▁"),
            (&[0, 1], "▁█"),
            (&[0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█"),
            (&[100, 800, 450], "▁█▄"),
        ] {
            let times: Vec<Duration> = micros.iter().map(|it| Duration::from_micros(*it)).collect();
            assert_eq!(spark(&times), expected, "{micros:?}");
        }
    }

    #[test]
    fn the_longest_times_there_are_do_no_harm() {
        assert_eq!(spark(&[Duration::MAX, Duration::ZERO]), "█▁");
    }
}

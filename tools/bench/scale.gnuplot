# Draws docs/scale.svg for tools/bench/scale. The variable data names its file, with tabs
# between the columns: the number of services, and seconds here and of ko.
set terminal svg size 880, 420 dynamic noenhanced font "sans-serif,13"
set datafile separator "\t"
set title "Seconds for both platforms of all services, on logarithmic scales"
set xlabel "services"
set border 0
set xtics scale 0
set ytics scale 0
set grid linecolor "#8b949e"
set logscale xy
set key outside right center samplen 2
set style data linespoints
plot data using 1:4 linecolor "#4c8dd6" dashtype 2 pointtype 5 title "the shared library changed", \
     data using 1:3 linecolor "#4c8dd6" pointtype 7 title "one service changed", \
     data using 1:2 linecolor "#4c8dd6" dashtype 3 pointtype 9 title "no change", \
     data using 1:6 linecolor "#e0883a" pointtype 7 title "ko: one service changed", \
     data using 1:5 linecolor "#e0883a" dashtype 3 pointtype 9 title "ko: no change"

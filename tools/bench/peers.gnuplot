# Draws docs/peers.svg for tools/bench/peers. The variable data names its file: a row for each
# operation, a column of seconds for each builder, with tabs between them.
set terminal svg size 880, 380 dynamic noenhanced font "sans-serif,13"
set datafile separator "\t"
set title "Seconds for both platforms, on a logarithmic scale: medians"
set style data histogram
set style histogram clustered gap 1
set style fill solid
set border 0
set xtics scale 0
set ytics scale 0
set grid ytics linecolor "#8b949e"
set logscale y
set key outside bottom center horizontal samplen 1
array color[4] = ["#4c8dd6", "#e0883a", "#8b949e", "#5aa469"]
plot for [i=2:5] data using i:xtic(1) linecolor rgb color[i-1] title columnheader(i)

# Draws docs/size.svg for tools/bench/size. The variable data names its file of rows: label,
# unpacked MB and gzip MB, with tabs between them.
set terminal svg size 880, 480 dynamic noenhanced font "sans-serif,13"
set datafile separator "\t"
set multiplot
unset key
set border 0
unset xtics
set ytics scale 0
set style fill solid
set lmargin at screen 0.45
set rmargin at screen 0.92

$quoted << END
original, step 1	1000
original, step 2	350
original, step 3	12
original, step 4	10
original, step 5: the end	4.46
END

# One bar for each row, the first one on top.
set title "Unpacked MB of the original's steps, as quoted, on a logarithmic scale"
set tmargin at screen 0.92
set bmargin at screen 0.63
set logscale x
set xrange [1:2000]
set yrange [4.5:-0.5]
plot $quoted using 2:0:(1):2:($0-0.35):($0+0.35):ytic(1) with boxxyerror linecolor "#8b949e", \
     $quoted using 2:0:(sprintf("%g", $2)) with labels left offset 0.7

# Two bars for each row.
set title "MB of the server here, each step with those above it"
set tmargin at screen 0.53
set bmargin at screen 0.10
unset logscale x
set xrange [*:*]
set yrange [*:*]
stats data using 2 nooutput
set xrange [0:STATS_max]
set yrange [STATS_records-0.5:-0.5]
set key at screen 0.92, 0.045 right bottom horizontal samplen 1
plot data using 2:0:(0):2:($0-0.38):($0):ytic(1) with boxxyerror linecolor "#4c8dd6" title "unpacked", \
     data using 3:0:(0):3:($0):($0+0.38) with boxxyerror linecolor "#e0883a" title "gzip -9, pulled", \
     data using 2:($0-0.19):(sprintf("%.2f", $2)) with labels left offset 0.7 notitle, \
     data using 3:($0+0.19):(sprintf("%.2f", $3)) with labels left offset 0.7 notitle

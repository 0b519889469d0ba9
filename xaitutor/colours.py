"""The course's colours: one palette that the colour-blind can read too (Okabe and Ito), and one map for each kind of value."""

BLUE, ORANGE, GREEN, PINK, YELLOW, SKY, BLACK = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"
SEQUENTIAL = "magma"  # for values that have a size only: dark is nothing
SIGNED = "RdBu_r"  # for values that have a sign: blue is against, white is nothing, red is for

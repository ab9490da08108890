"""The main job in front of your eyes: examples/ on a real cluster, from apply to last release."""

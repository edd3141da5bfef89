"""What changed between two captures: `analyze diff A B`.

profile.py counts what a capture holds by names that do not change from run to run (names.py), compare.py holds two
profiles against each other, noise.py says what is more than noise, counts.py and latency.py find the changes.
"""

from analyze.diff.change import Change
from analyze.diff.compare import compare
from analyze.diff.profile import Profile, profile

__all__ = ["Change", "Profile", "compare", "profile"]

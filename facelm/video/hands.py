"""Hands followed from frame to frame: the crop of each comes from its points in the frame before.

The finder looks every few frames for new hands, and at once when a hand is lost or a shot begins.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.special import expit, logit

from facelm.hands.find import MIN_SCORE, Hand, HandFinder, describe_hand, is_same
from facelm.hands.reader import ReadHand, align_hand, read_hands
from facelm.video.cuts import CutFinder
from facelm.video.frames import Frame
from facelm.video.tracks import LOOK_EVERY, WAIT

_MISSES = 3  # looks of the finder in a row that do not see a hand which is followed
_LEAST_SCORE = 0.4  # of the reader
_LEAST_CONFIDENCE = 0.3  # mean of a hand's points
_STILL = 0.02  # in sizes of the hand; a crop whose hand moves less stays where it is
_FAR = 0.2  # in sizes of the hand; one that has moved more is read once more
_APART = 1.0  # the same; hands of two frames that are farther apart are not one
_OTHER_SIDE = 0.4  # what a change of side counts for in that
_NEW_SIDE = 0.1  # share of a frame in the side that is told


@dataclass(frozen=True, eq=False)
class FollowedHand:
    """One hand of a frame.

    Attributes:
        track: Its number, from 1, the same in all frames of the clip in which it is followed.
        hand: As it was found in this frame; its side is what most frames say.
    """

    track: int
    hand: Hand


@dataclass(eq=False)
class _Track:
    """What is known of a hand from the frames before."""

    number: int
    points: NDArray[np.float64]
    right: float
    score: float
    seen: float
    motion: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    misses: int = 0
    lost: bool = False

    def expect(self, time: float) -> NDArray[np.float64]:
        """Its points at a time, if it moves on as it did."""
        return self.points + self.motion * min(time - self.seen, 0.0 if self.lost else LOOK_EVERY)

    def take(self, hand: Hand, time: float) -> FollowedHand:
        """Take over where the hand is now; give it with what is known of it."""
        step = time - self.seen
        self.seen, self.lost = time, False
        if _distance(self.points, hand.points) < _STILL:
            self.motion = np.zeros(2)
        else:
            moved = (hand.points - self.points).mean(0) / step if 0 < step < LOOK_EVERY else np.zeros(2)
            self.motion = 0.5 * (self.motion + moved)
            self.points = hand.points
        old, new = logit(np.clip([self.right, hand.right], 0.01, 0.99))
        self.right = float(expit(old + _NEW_SIDE * (new - old)))
        return FollowedHand(self.number, replace(hand, right=self.right, score=self.score))


class HandFollower:
    """Follows the hands of one clip.

    Args:
        finder: Finds them.
        min_score: Probability from which on a place is told as a hand.
    """

    def __init__(self, finder: HandFinder, min_score: float = MIN_SCORE) -> None:
        self.finder = finder
        self.min_score = min_score
        self._cuts = CutFinder()
        self._tracks: list[_Track] = []
        self._count = 0
        self._looked = -np.inf

    def see(self, frame: Frame) -> list[FollowedHand]:
        """The hands of the next frame, by number."""
        rgb, time = frame.rgb, frame.timestamp
        cut = self._cuts(rgb)
        self._tracks = [track for track in self._tracks if not cut and time - track.seen <= WAIT]
        followed = self._follow(rgb, time)
        if cut or time - self._looked >= LOOK_EVERY - 1e-6 or any(track.lost for track in self._tracks):
            self._looked = time
            followed = self._find(rgb, time, followed)
        return [followed[number] for number in sorted(followed)]

    def _follow(self, rgb: NDArray[np.uint8], time: float) -> dict[int, FollowedHand]:
        """Read the hands of tracks where they are expected; a track whose hand is not there is lost."""
        tracks = [track for track in self._tracks if not track.lost]
        expected = [track.expect(time) for track in tracks]
        read = read_hands(rgb, [align_hand(points) for points in expected])
        far = [at for at, points in enumerate(expected) if _distance(points, read[at].points) > _FAR]
        for at, again in zip(far, read_hands(rgb, [align_hand(read[at].points) for at in far]), strict=True):
            read[at] = again
        followed: dict[int, FollowedHand] = {}
        for track, hand in sorted(zip(tracks, read, strict=True), key=lambda pair: -pair[1].score):
            others = [other.hand.points for other in followed.values()]
            if not _is_seen(hand, rgb.shape) or any(is_same(hand.points, other) for other in others):
                track.lost = True
            else:
                followed[track.number] = track.take(describe_hand(hand, track.score, rgb.shape), time)
        return followed

    def _find(self, rgb: NDArray[np.uint8], time: float, followed: dict[int, FollowedHand]) -> dict[int, FollowedHand]:
        """Look for hands in the whole frame: confirm those that are followed, take up lost ones, begin new ones."""
        followed = dict(followed)
        found = self.finder.find(rgb, self.min_score)
        pairs = self._pair(found, time)
        for at, track in enumerate(self._tracks):
            if at in pairs:
                track.misses, track.score = 0, found[pairs[at]].score
                if track.number not in followed:
                    followed[track.number] = track.take(found[pairs[at]], time)
                continue
            track.misses += 1
            if track.misses >= _MISSES:
                track.lost = True
                followed.pop(track.number, None)
        for at, hand in enumerate(found):
            others = [other.hand.points for other in followed.values()]
            if at not in pairs.values() and not any(is_same(hand.points, other) for other in others):
                self._count += 1
                track = _Track(self._count, hand.points, hand.right, hand.score, time)
                self._tracks.append(track)
                followed[track.number] = FollowedHand(track.number, hand)
        return followed

    def _pair(self, found: list[Hand], time: float) -> dict[int, int]:
        """Which track is which of the hands that were found, by their indices."""
        if not self._tracks or not found:
            return {}
        cost = np.array(
            [
                [
                    _distance(track.expect(time), hand.points) + _OTHER_SIDE * abs(track.right - hand.right)
                    for hand in found
                ]
                for track in self._tracks
            ]
        )
        rows, columns = linear_sum_assignment(cost.clip(max=2 * _APART))
        return {int(row): int(column) for row, column in zip(rows, columns, strict=True) if cost[row, column] < _APART}


def _distance(points: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """How far two hands (21, 2) are apart, in sizes of the larger one."""
    size = max(np.ptp(points, axis=0).max(), np.ptp(others, axis=0).max(), 1e-6)
    return float(np.linalg.norm(points - others, axis=1).mean() / size)


def _is_seen(hand: ReadHand, shape: tuple[int, ...]) -> bool:
    """Whether a hand is there, and most of it in the picture."""
    inside = ((hand.points > 0) & (hand.points < shape[1::-1])).all(1).mean() > 0.5
    return bool(inside and hand.score > _LEAST_SCORE and hand.confidence.mean() > _LEAST_CONFIDENCE)

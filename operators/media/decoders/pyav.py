"""FFmpeg through PyAV: the default decoder."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain

from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from operators.media.complaints import Complaints
from operators.media.containers import MediaFile, packets_of, read_only, refuse_many_pixels, take_container
from operators.media.continuous_clock import ContinuousClock
from operators.media.decoders.alpha import decoding_context
from operators.media.decoders.colour_profile import PROFILED_CODECS, without_profile, without_profiles
from operators.media.decoders.decode_order import DECODE_ORDER_CONTAINERS, DecodeOrderTimes, SortedTimes, read_ahead
from operators.media.decoders.foreign_colours import refuse_foreign_colours
from operators.media.decoders.keyframe_seek import START_SLACK_SECONDS, KeyframeSeeker
from operators.media.decoders.orientation import Orientations
from operators.media.decoders.packet_log import LogMark, PacketLog
from operators.media.decoders.protocol import DecodedFrame, DecoderFailed
from operators.media.decoders.pyav_frame import PyavFrame
from operators.media.decoders.rendering import PictureOrientation, Renderer
from operators.media.geometry import displayed_size
from operators.media.pixel_aspect import PixelAspect, pixel_aspect
from operators.media.plan import DecodeSpan, VideoPlan
from operators.media.stated_lengths import origin_seconds
from operators.media.streams_of import video_stream

MAX_ERRORS = 10_000
"""Broken packets after which a file is given up, so that an hour of noise is not read to its end."""
FALLBACK_INTERVAL_SECONDS = 1 / 25
"""Between frames without times, in elementary streams without a rate."""
MAX_STEPS_BACK = 3
"""The first step detects that a picture comes late, the second by how much."""
MAX_SILENT_PACKETS = 600
"""Packets that are read in search of the first complete picture: twice the longest usual distance of keyframes."""
MAX_RECOVERY_PACKETS = 6_000
"""Packets of one file that are read before its sample points; after that pictures are used as they come."""


class PyavDecoder:
    """See `VideoDecoder`."""

    def __init__(self, media: MediaFile, plan: VideoPlan) -> None:
        """Use the file's container until this decoder is closed."""
        self.num_decoded = 0
        self.num_errors = 0
        self.num_encrypted = 0
        self.num_discarded = 0
        self._log = PacketLog()
        self.packet_seconds, self.damaged_seconds = self._log.packet_seconds, self._log.damaged_seconds
        self._container, self._stream = _open(media)
        self._codec = decoding_context(self._stream)
        self._clock = ContinuousClock()
        is_unordered = self._container.format.name in DECODE_ORDER_CONTAINERS
        is_reordered = bool(self._stream.codec_context.has_b_frames)
        self._decode_order: DecodeOrderTimes | SortedTimes | None = (
            DecodeOrderTimes(is_reordered=is_reordered) if is_unordered else None
        )
        self._is_order_known = is_unordered
        self._picture_base: Fraction | None = None
        """Unit of the pictures' times: of one stream, and expensive to query."""
        self._is_timed = True
        self._complaints = Complaints()
        self._complaints.listen()
        self._span_start_seconds = float("-inf")
        self._base = 0.0
        self._origin_seconds = self._clock.origin_seconds = origin_seconds(self._container)
        self._max_pixels = plan.max_pixels
        self._orientations = Orientations()
        self._aspect = PixelAspect(self._stream)
        self._renderer = Renderer(_displayed_shape(self._stream))
        self._packets: Iterator[Packet[VideoStream]] = iter(())
        self._seeker = KeyframeSeeker(self._container, self._stream, self._demuxed)
        self._is_positioned = False
        self._last_seconds = float("-inf")
        self._untimed_seconds = float("-inf")
        self._refreshes = False
        """Whether a keyframe does not produce a picture by itself."""
        self._lead_in_seconds = 0.0
        """How long before a picture decoding must begin in that case."""
        self._num_recovery_packets = 0
        context = self._codec
        self._has_profiles = context.name in PROFILED_CODECS
        if self._has_profiles and context.extradata:
            context.extradata = without_profiles(context.extradata)
        self._may_refresh = context.name == "h264"
        context.thread_count = 1  # one video per core: threads would only add waiting
        context.skip_frame = "NONREF" if plan.skip_nonreference else "DEFAULT"
        deblocking = {"skip_loop_filter": "all"} if plan.skip_deblocking else {}
        context.options = {"max_pixels": str(plan.max_pixels), **deblocking}

    def decode(self, span: DecodeSpan) -> Iterator[DecodedFrame]:
        """See `VideoDecoder.decode`."""
        self._span_start_seconds = span.start_seconds
        for frame in self._recovered(span):
            if frame.pts_seconds < span.start_seconds - START_SLACK_SECONDS:
                continue
            if span.kind != "keyframe" and frame.pts_seconds >= span.end_seconds:
                break
            yield frame
            if span.kind == "keyframe":
                return
        if span.kind == "full" and self._is_timed:
            self._log.note_silent(self._codec.name, is_each_decoded=self._codec.skip_frame == "DEFAULT")

    def close(self) -> None:
        """Release the container and its codecs."""
        self._complaints.close()
        self._container.close()

    def _recovered(self, span: DecodeSpan) -> Iterator[PyavFrame]:
        """Yield pictures of a span, decoded from so far ahead that the first one is complete.

        H.264 with intra refresh has keyframes at which only the refresh begins: pictures are complete some time later,
        and none is yielded before.
        """
        for step in range(MAX_STEPS_BACK + 1):
            mark, last_seconds = self._log.mark(), self._last_seconds
            frames = self._from_keyframe(span)
            first = next(
                (frame for frame in frames if frame.pts_seconds >= span.start_seconds - START_SLACK_SECONDS), None
            )
            late_seconds = self._late_seconds(span, first, mark)
            if late_seconds is None or step == MAX_STEPS_BACK:
                break
            self._lead_in_seconds += late_seconds
            self._log.cut(mark)
            self._last_seconds, self._is_positioned = last_seconds, False
        yield from chain([] if first is None else [first], frames)

    def _from_keyframe(self, span: DecodeSpan) -> Iterator[PyavFrame]:
        is_sample = span.kind == "keyframe" and span.seek_seconds == span.start_seconds
        self._position(span)
        return self._frames(drain_each=is_sample and not self._refreshes)

    def _late_seconds(self, span: DecodeSpan, first: PyavFrame | None, mark: LogMark) -> float | None:
        """Return how much earlier to begin; None if pictures came in time, or nothing explains why not."""
        since, is_damaged = self._log.since(mark), self._log.is_damaged_since(mark)
        if not self._may_refresh or span.seek_seconds is None or not since or is_damaged:
            return None
        if first is None:
            is_known, self._refreshes = self._refreshes, True
            return None if is_known else 0.0
        late_seconds = first.pts_seconds - since[0]  # not the minimum: pictures shown before a keyframe may be left out
        is_late = late_seconds > START_SLACK_SECONDS and self._num_recovery_packets < MAX_RECOVERY_PACKETS
        self._refreshes |= is_late
        self._num_recovery_packets += len(since)
        return late_seconds if is_late else None

    def _position(self, span: DecodeSpan) -> None:
        """Seek, unless reading on reaches the span without passing a keyframe that a seek would find."""
        is_on_the_way = self._is_positioned and (span.seek_seconds is None or span.seek_seconds <= self._last_seconds)
        if is_on_the_way:
            return
        ahead = None if span.seek_seconds is None else span.seek_seconds - self._lead_in_seconds
        self._packets = self._demuxed() if ahead is None else self._sought(ahead)
        if not self._is_order_known:
            self._find_order()
        self._codec.flush_buffers()
        self._is_positioned = True

    def _find_order(self) -> None:
        """Look at the first packets: if they do not state when pictures are shown, pictures get sorted times."""
        first, is_unordered = read_ahead(self._packets, self._stream, self._max_pixels)
        self._packets, self._is_order_known = chain(first, self._packets), True
        if is_unordered:
            self._decode_order, self._is_timed = SortedTimes(), False
            self._codec.skip_frame = "DEFAULT"  # each picture takes one time

    def _sought(self, seconds: float) -> Iterator[Packet[VideoStream]]:
        stamp = round((seconds + self._origin_seconds) / float(self._stream.time_base or 1))
        try:
            return self._seeker.packets_from(stamp)
        except FFmpegError:
            self.num_errors += 1  # not seekable: continue to read from here
            return self._demuxed()

    def _frames(self, *, drain_each: bool) -> Iterator[PyavFrame]:
        """Yield frames from here on. `drain_each` gets a picture from a codec that waits for the following ones."""
        num_silent = 0
        for packet in self._packets:
            if not packet.size:
                continue  # AVI repeats a picture with an empty packet, which would end the codec's work
            num_before = self.num_decoded + self.num_errors
            yield from self._decoded(packet)
            if drain_each:
                self._is_positioned = False
                yield from self._decoded(None)
                self._codec.flush_buffers()
            is_silent = self.num_decoded + self.num_errors == num_before
            num_silent = num_silent + 1 if is_silent else 0
            if (drain_each and is_silent and self._may_refresh) or (
                self._refreshes and num_silent > MAX_SILENT_PACKETS
            ):
                return
        if self._is_positioned:
            self._is_positioned = False
            yield from self._decoded(None)  # the pictures that the codec still holds

    def _demuxed(self) -> Iterator[Packet[VideoStream]]:
        """Yield packets to the end of what can be read, from the container's position."""
        self._clock.begin_elsewhere()
        if self._decode_order is not None:
            self._decode_order.begin_elsewhere()
        packets = packets_of(self._container, self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except FFmpegError:
                self._count_error()
                return
            self._clock.correct(packet)
            yield packet

    def _decoded(self, packet: Packet[VideoStream] | None) -> Iterator[PyavFrame]:
        if packet is not None and packet.has_sidedata("encryption_info"):
            self.num_encrypted += 1
            self._note(packet, is_damaged=True)
            return
        self._complaints.forget()
        if self._decode_order is not None and packet is not None:
            self._decode_order.take(packet)
        num_errors = self.num_errors
        if self._has_profiles and packet is not None:
            packet = without_profile(packet)
        pictures = self._pictures(packet)
        has_failed = self.num_errors > num_errors  # not every error is logged
        is_damaged = has_failed or self._complaints.were_made() or any(picture.is_corrupt for picture in pictures)
        if packet is not None:
            self._note(packet, is_damaged=is_damaged)
        for picture in pictures:
            self.num_decoded += 1
            self.num_errors += picture.is_corrupt
            yield from self._timed(picture)

    def _pictures(self, packet: Packet[VideoStream] | None) -> list[VideoFrame]:
        try:
            return self._codec.decode(packet)
        except FFmpegError:
            self._count_error()
            return []

    def _note(self, packet: Packet[VideoStream], *, is_damaged: bool) -> None:
        """Note when the packet is shown, unless that is never or before the span."""
        if packet.is_discard:
            return
        seconds = self._packet_seconds(packet)
        if seconds < self._span_start_seconds - START_SLACK_SECONDS:
            return
        self._log.note_packet(seconds, is_damaged=is_damaged)

    def _packet_seconds(self, packet: Packet[VideoStream]) -> float:
        stamp = packet.dts if packet.pts is None else packet.pts
        self._is_timed &= packet.pts is not None
        if stamp is None:
            self._untimed_seconds = max(self._untimed_seconds, -self._interval()) + self._interval()
            return self._untimed_seconds
        self._base = self._base or float(packet.time_base or 0)
        return stamp * self._base - self._origin_seconds

    def _interval(self) -> float:
        """Return the interval of pictures, and of packets, without times."""
        return float(1 / self._stream.average_rate) if self._stream.average_rate else FALLBACK_INTERVAL_SECONDS

    def _timed(self, picture: VideoFrame) -> Iterator[PyavFrame]:
        """Yield the frame with its time; nothing if that is not after the previous one."""
        refuse_many_pixels(picture.width, picture.height, self._max_pixels)
        refuse_foreign_colours(picture)
        seconds, orientation = self._seconds(picture), self._orientations.next(picture)
        self._log.note_picture(seconds)
        if seconds <= self._last_seconds:
            self.num_discarded += seconds >= self._span_start_seconds - START_SLACK_SECONDS  # otherwise only a lead-in
        else:
            self._last_seconds = seconds
            look = PictureOrientation(self._aspect.now(), orientation)
            is_keyframe = picture.key_frame or picture.pict_type == PictureType.I
            yield PyavFrame(seconds, bool(is_keyframe), picture, look, self._renderer)

    def _seconds(self, picture: VideoFrame) -> float:
        stamp = picture.pts if picture.pts is not None else picture.dts
        stamp = stamp if self._decode_order is None else self._decode_order.stamp(picture)
        if stamp is not None:
            base = self._picture_base = self._picture_base or picture.time_base or self._stream.time_base or Fraction(0)
            return stamp * base.numerator / base.denominator - self._origin_seconds
        return max(self._last_seconds, -self._interval()) + self._interval()

    def _count_error(self) -> None:
        self.num_errors += 1
        if self.num_errors > MAX_ERRORS:
            raise DecoderFailed(f"more than {MAX_ERRORS} broken packets")


def _open(media: MediaFile) -> tuple[InputContainer, VideoStream]:
    try:
        container = take_container(media)
    except (FFmpegError, ValueError) as error:
        raise DecoderFailed(f"PyAV cannot open it: {error}") from error
    stream = video_stream(container)
    if stream is None:
        container.close()
        raise DecoderFailed("PyAV finds no video stream")
    read_only(container, stream)
    return container, stream


def _displayed_shape(stream: VideoStream) -> float:
    width, height = displayed_size(max(1, stream.width), max(1, stream.height), pixel_aspect(stream))
    return width / height

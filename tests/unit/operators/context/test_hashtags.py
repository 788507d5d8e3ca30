"""Hashtags in one spelling."""

from __future__ import annotations

import pytest

from operators.context.hashtags import MAX_HASHTAG_CHARACTERS, MAX_HASHTAGS, normalised_hashtag, upload_hashtags
from schemas.uploads import FileSource, VideoUploaded


def upload(title: str = "", description: str = "", hashtags: tuple[str, ...] = ()) -> VideoUploaded:
    return VideoUploaded(
        video_id="v", source=FileSource(path="/v.mp4"), title=title, description=description, hashtags=hashtags
    )


class TestNormalisedHashtag:
    @pytest.mark.parametrize(
        ("written", "expected"),
        [
            ("#Cats", "cats"),
            ("CATS", "cats"),
            ("ＣＡＴＳ", "cats"),
            ("ÉTÉ", "été"),
            ("e\u0301te\u0301", "été"),
            ("Straße", "strasse"),
            ("夜景", "夜景"),
            ("snake_case", "snake_case"),
            ("new year!", "newyear"),
            ("top10", "top10"),
            ("2024", ""),
            ("#", ""),
            ("🚲", ""),
            ("\x00cats\x00", "cats"),
            ("x" * (MAX_HASHTAG_CHARACTERS + 1), ""),
        ],
    )
    def test_spelling(self, written: str, expected: str) -> None:
        """Width, case, accents' encoding and punctuation do not matter; what holds no letter is none."""
        assert expected == normalised_hashtag(written)

    @pytest.mark.parametrize("written", ["ﬁſh", "Ⅷ_İstanbul", "ΑΒΓς"])
    def test_stable(self, written: str) -> None:
        """Normalising again changes nothing."""
        once = normalised_hashtag(written)

        assert once == normalised_hashtag(once)


class TestUploadHashtags:
    def test_order_and_distinctness(self) -> None:
        """Field, title, description, each hashtag once however often and however spelt."""
        found = upload_hashtags(upload("My #Cat", "#DOG and ＃cat, #夜景", ("bird", "#Dog")))

        assert ("bird", "dog", "cat", "夜景") == found

    def test_what_is_no_hashtag(self) -> None:
        """Languages, entities, anchors and numbers are not hashtags."""
        assert upload_hashtags(upload("C#sharp a&#39;b site/#top #1 # #")) == ()

    def test_limit(self) -> None:
        """A wall of hashtags is cut."""
        assert MAX_HASHTAGS == len(upload_hashtags(upload(description=" ".join(f"#tag{n}" for n in range(500)))))

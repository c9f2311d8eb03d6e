"""Kinds of files that show something and are not read here: what to call them, where the reader has failed."""

from __future__ import annotations

_SIGNATURES = (
    (0, b"8BPS", "a Photoshop document"),
    (0, b"%PDF", "a PDF document"),
    (0, b"%!PS", "a PostScript document"),
    (0, b"<svg", "an SVG drawing"),
    (0, b"<?xml", "an XML document, perhaps an SVG drawing"),
    (0, b"\xff\x0a", "a JPEG XL picture"),
    (0, b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (0, b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (0, b"v/1\x01", "an OpenEXR picture"),
    (0, b"FUJIFILMCCD-RAW", "a camera's raw file"),
    (4, b"ftypcrx", "a camera's raw file"),
    (8, b"AVI ", "a video"),
    (0, b"\x1aE\xdf\xa3", "a video"),
    (4, b"ftypqt", "a video"),
    (4, b"ftypmp4", "a video"),
    (4, b"ftypisom", "a video"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"<!DOCTYPE html", "a web page"),
    (0, b"<html", "a web page"),
)
"""Where the first bytes tell the kind: offset, bytes, name."""

_KINDS = {
    "camera's raw files": "3fr arw cr2 cr3 crw dng erf fff iiq kdc mos mrw nef nrw orf pef raf raw rw2 sr2 srf srw x3f",
    "documents of editors": "psd psb xcf kra ai eps svg svgz indd sketch afphoto",
    "pictures of other kinds": "jxl jp2 j2k jpf jpx jxr exr hdr tga dds pcx ppm pgm pbm pnm ico icns dcm fits",
    "videos": "wmv flv f4v 3gp 3g2 mts m2ts vob ogv mxf asf rm rmvb insv",
}
LEFT_OUT = {f".{suffix}": kind for kind, suffixes in _KINDS.items() for suffix in suffixes.split()}
"""Lower-case suffixes of files that look like pictures or videos, which a walk leaves out, and what they are."""

_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"heif", b"mif1", b"msf1")

_JPEG = b"\xff\xd8\xff"
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # markers of a JPEG that tell how it is coded
_READ = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})  # baseline, extended, progressive; Huffman or arithmetic


def describe(data: bytes) -> str | None:
    """What kind of file it is, if it is one that is known and not read; else None."""
    from facelm.pictures import tiffs

    if tiffs.is_tiff(data):
        kind = tiffs.describe(data)
        return f"a kind of TIFF that is not read ({kind})" if kind else None
    if data.startswith(_JPEG):
        return _describe_jpeg(data)
    for offset, magic, name in _SIGNATURES:
        if data.startswith(magic, offset):
            return f"{name}, which is not read"
    return None


def is_heif(data: bytes) -> bool:
    """Whether it is a HEIF picture other than AVIF, which has the same container."""
    brands = data[8 : int.from_bytes(data[:4], "big")]
    return data[4:8] == b"ftyp" and brands[:4] in _HEIF_BRANDS and b"avif" not in brands[:64]


def _describe_jpeg(data: bytes) -> str | None:
    """What is unusual about a JPEG, by the header of its frame."""
    at = 2
    while at + 5 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _FRAMES:
            bits = data[at + 4]
            if bits == 8 and marker in _READ:
                return None
            lossless = ", lossless" if marker in {0xC3, 0xC7, 0xCB, 0xCF} else ""
            return f"a kind of JPEG that is not read ({bits} bits{lossless})"
        at += 1 if marker == 0xFF else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None

//! A small sample picture, so that "send a photo" shows something: a soft gradient, made without an image library.

const WIDTH: u32 = 240;
const HEIGHT: u32 = 160;
/// The longest stored block of a deflate stream.
const MAX_BLOCK: usize = 65_535;

/// PNG bytes: 8-bit RGB, rows unfiltered, the deflate stream stored without compression.
pub fn sample() -> Vec<u8> {
    let mut rows = Vec::with_capacity(usize::try_from(HEIGHT * (WIDTH * 3 + 1)).unwrap_or_default());
    for y in 0..HEIGHT {
        rows.push(0);
        for x in 0..WIDTH {
            rows.extend([
                shade(x, WIDTH, 90),
                shade(y, HEIGHT, 150),
                shade(x + y, WIDTH + HEIGHT, 210),
            ]);
        }
    }
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = Vec::with_capacity(13);
    header.extend(WIDTH.to_be_bytes());
    header.extend(HEIGHT.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    chunk(&mut png, b"IHDR", &header);
    chunk(&mut png, b"IDAT", &stored_zlib(&rows));
    chunk(&mut png, b"IEND", &[]);
    png
}

fn shade(at: u32, of: u32, base: u32) -> u8 {
    u8::try_from((base + at * 80 / of.max(1)).min(255)).unwrap_or(u8::MAX)
}

fn chunk(png: &mut Vec<u8>, name: &[u8; 4], body: &[u8]) {
    png.extend(u32::try_from(body.len()).unwrap_or_default().to_be_bytes());
    let from = png.len();
    png.extend(name);
    png.extend(body);
    let checksum = crc32(png.get(from..).unwrap_or_default());
    png.extend(checksum.to_be_bytes());
}

fn stored_zlib(data: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let blocks = data.chunks(MAX_BLOCK).count();
    for (number, block) in data.chunks(MAX_BLOCK).enumerate() {
        let length = u16::try_from(block.len()).unwrap_or_default();
        stream.push(u8::from(number + 1 == blocks));
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(block);
    }
    stream.extend(adler32(data).to_be_bytes());
    stream
}

fn crc32(data: &[u8]) -> u32 {
    !data.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 & 0u32.wrapping_sub(crc & 1))
        })
    })
}

fn adler32(data: &[u8]) -> u32 {
    let (low, high) = data.iter().fold((1u32, 0u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    (high << 16) | low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_match_the_published_examples() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(adler32(b"Wikipedia"), 0x11E6_0398);
    }
}

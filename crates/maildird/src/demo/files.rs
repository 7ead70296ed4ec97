//! Small files to attach: a picture, a page, a table.

/// A PNG of `width` x `height` pixels with a sunset in the given colour, stored without compression.
pub(super) fn sunset(width: u8, height: u8, colour: [u8; 3]) -> Vec<u8> {
    let mut rows = Vec::new();
    for y in 0..height {
        rows.push(0); // no filter
        for _ in 0..width {
            let fade = |part: u8| u8::try_from(u16::from(part) * u16::from(height - y) / u16::from(height));
            rows.extend(colour.iter().map(|part| fade(*part).unwrap_or(u8::MAX)));
        }
    }
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    // 8 bits a sample, RGB.
    chunk(
        &mut out,
        b"IHDR",
        &[0, 0, 0, width, 0, 0, 0, height, 8, 2, 0, 0, 0],
    );
    chunk(&mut out, b"IDAT", &stored(&rows));
    chunk(&mut out, b"IEND", &[]);
    out
}

fn chunk(out: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    out.extend(u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes());
    let start = out.len();
    out.extend_from_slice(kind);
    out.extend_from_slice(data);
    let check = crc32(&out[start..]);
    out.extend(check.to_be_bytes());
}

/// A zlib stream (RFC 1950) of blocks that are stored as they are.
fn stored(data: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let mut blocks = data.chunks(0xffff).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        out.push(u8::from(blocks.peek().is_none()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend_from_slice(block);
    }
    let (mut low, mut high) = (1_u32, 0_u32);
    for octet in data {
        low = (low + u32::from(*octet)) % 65_521;
        high = (high + low) % 65_521;
    }
    out.extend(((high << 16) | low).to_be_bytes());
    out
}

fn crc32(data: &[u8]) -> u32 {
    let step = |crc: u32, _| {
        if crc & 1 == 1 {
            0xedb8_8320 ^ (crc >> 1)
        } else {
            crc >> 1
        }
    };
    !data
        .iter()
        .fold(!0, |crc: u32, octet| (0..8).fold(crc ^ u32::from(*octet), step))
}

/// A PDF of one page with one line of text. `line` has no parentheses and no backslashes.
pub(super) fn page(line: &str) -> Vec<u8> {
    let text = format!("BT /F1 24 Tf 60 760 Td ({line}) Tj ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R \
         /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{text}\nendstream", text.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    let mut out = "%PDF-1.4\n".to_owned();
    let mut places = String::new();
    for (number, object) in objects.iter().enumerate() {
        places.push_str(&format!("{:010} 00000 n \n", out.len()));
        out.push_str(&format!("{} 0 obj\n{object}\nendobj\n", number + 1));
    }
    let (size, table) = (objects.len() + 1, out.len());
    out.push_str(&format!("xref\n0 {size}\n0000000000 65535 f \n{places}"));
    out.push_str(&format!(
        "trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n"
    ));
    out.into_bytes()
}

/// A table of `rows` tides, as comma-separated values.
pub(super) fn tides(rows: u32) -> Vec<u8> {
    let row = |day: u32| {
        format!(
            "{day},{:02}:{:02},{}.{}\n",
            (day * 50 / 60) % 24,
            (day * 50) % 60,
            2 + day % 3,
            day % 10
        )
    };
    let rows: String = (1..=rows).map(row).collect();
    format!("day,high water,metres\n{rows}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_agree_with_their_published_check_values() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(stored(b"Wikipedia")[2 + 5 + 9..], 0x11e6_0398_u32.to_be_bytes());
    }

    #[test]
    fn the_page_says_where_its_objects_are() {
        let page = String::from_utf8(page("Hello")).unwrap();
        let table: usize = page
            .rsplit("startxref\n")
            .next()
            .unwrap()
            .lines()
            .next()
            .unwrap()
            .parse()
            .unwrap();
        assert!(page[table..].starts_with("xref\n"));
        for (index, line) in page[table..].lines().skip(3).take(5).enumerate() {
            let place: usize = line[..10].parse().unwrap();
            assert!(page[place..].starts_with(&format!("{} 0 obj", index + 1)));
        }
    }
}

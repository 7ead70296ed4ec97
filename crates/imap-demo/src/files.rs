//! Small files to attach: a picture, a page, a table.

/// A PNG of `width` x `height` pixels with a sunset in the given colour.
pub(crate) fn sunset(width: u8, height: u8, colour: [u8; 3]) -> Vec<u8> {
    let row = |y: u8| {
        let fade = |part: u8| u8::try_from(u16::from(part) * u16::from(height - y) / u16::from(height));
        let pixel = colour.map(|part| fade(part).unwrap_or(u8::MAX));
        std::iter::repeat_n(pixel, width.into()).flatten()
    };
    let pixels: Vec<u8> = (0..height).flat_map(row).collect();
    let mut picture = Vec::new();
    let mut encoder = png::Encoder::new(&mut picture, width.into(), height.into());
    encoder.set_color(png::ColorType::Rgb);
    // What compression makes of it depends on how the library was built; the corpus has to be the same everywhere.
    encoder.set_compression(png::Compression::NoCompression);
    // Writing into memory cannot fail.
    let _ = encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(&pixels));
    picture
}

/// A PDF of one page with one line of text. `line` has no parentheses and no backslashes.
pub(crate) fn page(line: &str) -> Vec<u8> {
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
pub(crate) fn tides(rows: u32) -> Vec<u8> {
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

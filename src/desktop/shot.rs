//! Writes pictures of the window as PNG files. Apart from `options`, where a driver asks for them.

use egui::ColorImage;
use std::io::{BufWriter, Error, Write};
use std::path::Path;

/// Writes a picture; the folder is made when it is not there.
pub(crate) fn write(image: &ColorImage, path: &Path) -> Result<(), Error> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut out = BufWriter::new(std::fs::File::create(path)?);
    encode(image, &mut out)?;
    out.flush()
}

fn encode(image: &ColorImage, out: &mut impl Write) -> Result<(), Error> {
    let [width, height] = image.size;
    let side = |n: usize| u32::try_from(n).map_err(Error::other);
    let mut encoder = png::Encoder::new(out, side(width)?, side(height)?);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(Error::other)?;
    let pixels: Vec<u8> = image.pixels.iter().flat_map(|p| [p.r(), p.g(), p.b()]).collect();
    writer.write_image_data(&pixels).map_err(Error::other)
}

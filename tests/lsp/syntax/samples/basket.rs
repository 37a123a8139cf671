use std::fmt;

/// What is bought.
#[derive(Debug, Clone)]
pub struct Item<'a> {
    name: &'a str,
    price: f64,
}

impl<'a> fmt::Display for Item<'a> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} é", self.name)
    }
}

pub fn total(items: &[Item], rate: Option<f64>) -> Option<f64> {
    let mut sum = 0.0;
    for item in items.iter().filter(|it| it.price > 0.0) {
        sum += item.price;
    }
    match rate {
        Some(r) if r < 1.0 => Some(sum * (1.0 + r)),
        _ => None,
    }
}

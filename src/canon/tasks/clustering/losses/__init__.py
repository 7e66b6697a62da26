"""The losses of clustering, and what training needs of them."""

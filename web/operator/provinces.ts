/** Where each province stands on a map of squares: column and row, roughly as on the ground. */
export const provinces: Record<string, [number, number]> = {
  heilongjiang: [8, 0],
  neimenggu: [5, 1], beijing: [6, 1], liaoning: [7, 1], jilin: [8, 1],
  xinjiang: [0, 2], gansu: [2, 2], ningxia: [3, 2], shaanxi: [4, 2], shanxi: [5, 2], hebei: [6, 2], tianjin: [7, 2],
  xizang: [0, 3], qinghai: [1, 3], sichuan: [2, 3], chongqing: [3, 3], hubei: [4, 3], henan: [5, 3], shandong: [6, 3],
  yunnan: [2, 4], guizhou: [3, 4], hunan: [4, 4], anhui: [5, 4], jiangsu: [6, 4], shanghai: [7, 4],
  guangxi: [3, 5], guangdong: [4, 5], jiangxi: [5, 5], zhejiang: [6, 5],
  hainan: [3, 6], macau: [4, 6], hongkong: [5, 6], fujian: [6, 6], taiwan: [7, 6],
}
export const kColumns = 9
export const kRows = 7
